// Mouse, pen and fingers on the stage, as gestures.
//
// Mouse: left click, right click or a held modifier for the background; drag a mark to move it, drag elsewhere or with
// the middle button to pan; the wheel zooms. Fingers: tap, long press for the background, drag to pan, two to zoom.

const LONG_PRESS = 450;
const SLACK = { mouse: 4, pen: 6, touch: 10 };
const REACH = { mouse: 9, pen: 12, touch: 20 };

const between = ([a, b]) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, apart: Math.hypot(a.x - b.x, a.y - b.y) });

export class Pointer {
  // told: {click(pixel, isBackground), select(index), drag(index, pixel, isDone), hover(pixel, isOverMark)}
  constructor(stage, told) {
    Object.assign(this, { stage, told, points: new Map(), gesture: null });
    const listen = (name, act) => stage.element.addEventListener(name, (event) => stage.image && act(event));
    listen("pointerdown", (event) => this.#press(event));
    listen("pointermove", (event) => this.#move(event));
    listen("pointerup", (event) => this.#release(event));
    listen("pointercancel", (event) => {
      if (this.gesture?.kind === "drag") told.drag(this.gesture.mark, { row: -1, col: -1 }, true);
      this.#forget(event);
    });
    listen("pointerleave", () => told.hover(null, false));
    stage.element.addEventListener("contextmenu", (event) => event.preventDefault());
    stage.element.addEventListener("wheel", (event) => this.#turn(event), { passive: false });
  }

  #press(event) {
    const at = this.stage.locate(event);
    this.points.set(event.pointerId, at);
    event.target.setPointerCapture?.(event.pointerId);
    if (this.points.size === 2) {
      clearTimeout(this.timer);
      this.gesture = { kind: "pinch", ...between([...this.points.values()]) };
      return;
    }
    if (this.points.size > 2) return;
    const mark = event.button === 0 ? this.stage.findMark(at.x, at.y, REACH[event.pointerType] ?? 9) : -1;
    const isBackground = event.button === 2 || event.shiftKey || event.ctrlKey || event.altKey || event.metaKey;
    this.gesture = { kind: event.button === 1 ? "pan" : "press", at, last: at, mark, isBackground };
    if (event.pointerType === "touch" && mark < 0) this.timer = setTimeout(() => this.#longPress(), LONG_PRESS);
  }

  #longPress() {
    if (this.gesture?.kind !== "press") return;
    const { at } = this.gesture;
    this.gesture = null;
    navigator.vibrate?.(15);
    this.told.click(this.stage.view.toPixel(at.x, at.y), true);
  }

  #move(event) {
    const at = this.stage.locate(event);
    if (!this.points.has(event.pointerId)) {
      const isOver = this.stage.findMark(at.x, at.y, REACH.mouse) >= 0;
      this.told.hover(this.stage.view.toPixel(at.x, at.y), isOver);
      return;
    }
    this.points.set(event.pointerId, at);
    const gesture = this.gesture;
    if (gesture?.kind === "pinch" && this.points.size === 2) this.#pinch(gesture);
    if (gesture?.kind === "press" && Math.hypot(at.x - gesture.at.x, at.y - gesture.at.y) > (SLACK[event.pointerType] ?? 4)) {
      clearTimeout(this.timer);
      gesture.kind = gesture.mark >= 0 ? "drag" : "pan";
      this.stage.element.classList.add("dragging");
    }
    if (gesture?.kind === "drag") this.told.drag(gesture.mark, this.stage.view.toPixel(at.x, at.y), false);
    if (gesture?.kind === "pan") {
      this.stage.pan(at.x - gesture.last.x, at.y - gesture.last.y);
      gesture.last = at;
    }
  }

  #pinch(gesture) {
    const now = between([...this.points.values()]);
    this.stage.pan(now.x - gesture.x, now.y - gesture.y);
    this.stage.zoom(now.apart / Math.max(gesture.apart, 1), now.x, now.y);
    Object.assign(gesture, now);
  }

  #release(event) {
    const gesture = this.gesture;
    const at = this.stage.locate(event);
    this.#forget(event);
    if (!gesture) return;
    const pixel = this.stage.view.toPixel(at.x, at.y);
    if (gesture.kind === "drag") this.told.drag(gesture.mark, pixel, true);
    if (gesture.kind === "press" && gesture.mark >= 0 && !gesture.isBackground) this.told.select(gesture.mark);
    else if (gesture.kind === "press") this.told.click(pixel, gesture.isBackground);
  }

  #forget(event) {
    clearTimeout(this.timer);
    this.points.delete(event.pointerId);
    // After a pinch, the finger that is left begins nothing.
    this.gesture = null;
    this.stage.element.classList.remove("dragging");
  }

  #turn(event) {
    event.preventDefault();
    if (!this.stage.image) return;
    const { x, y } = this.stage.locate(event);
    const lines = event.deltaMode === 1 ? 20 : 1;
    // A trackpad's pinch comes as a wheel with the control key, in small steps.
    this.stage.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0016)), x, y);
  }
}
