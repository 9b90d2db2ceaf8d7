// The stage: one pane per model, all with the same view, each with a canvas for the photograph and one for the rest.

import { NOWHERE } from "./mask.js";
import { View } from "./view.js";

const PLUS = "#009e73";
const MINUS = "#d55e00";
export const LOOKS = ["fill", "outline", "probability", "photo"];

class Pane {
  constructor(parent) {
    this.element = document.createElement("section");
    this.element.className = "pane";
    this.photo = document.createElement("canvas");
    this.overlay = document.createElement("canvas");
    this.tag = document.createElement("p");
    this.tag.className = "tag";
    this.element.append(this.photo, this.overlay, this.tag);
    parent.append(this.element);
    this.scratch = new OffscreenCanvas(1, 1);
    this.masks = [];
  }

  get size() {
    return { width: this.element.clientWidth, height: this.element.clientHeight };
  }

  resize(ratio) {
    const { width, height } = this.size;
    for (const canvas of [this.photo, this.overlay, this.scratch]) {
      const [wide, high] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
      if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
    }
  }
}

export class Stage {
  constructor(element) {
    this.element = element;
    this.view = new View();
    this.panes = [];
    this.image = null;
    this.look = { mode: "fill", opacity: 0.45, brightness: 1, contrast: 1 };
    Object.assign(this, { marks: [], selected: null, cursor: null, target: null, areMarksFixed: false });
    new ResizeObserver(() => this.#resize()).observe(element);
  }

  // One pane for each model.
  divide(count) {
    this.element.replaceChildren();
    this.panes = Array.from({ length: count }, () => new Pane(this.element));
  }

  show(image) {
    this.image = image;
    for (const pane of this.panes) pane.masks = [];
    Object.assign(this, { marks: [], selected: null, cursor: null, target: null });
    if (image) this.fit();
    this.draw();
  }

  fit() {
    if (this.image) this.view.fit(this.image, this.panes[0].size);
    this.draw();
  }

  zoom(factor, x = this.panes[0].size.width / 2, y = this.panes[0].size.height / 2) {
    if (this.image) this.view.zoom(factor, x, y);
    this.draw();
  }

  pan(right, down) {
    this.view.pan(right, down);
    this.draw();
  }

  // A place of a pointer event, within its pane.
  locate(event) {
    const pane = this.panes.find((each) => each.element.contains(event.target)) ?? this.panes[0];
    const box = pane.element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  contains({ row, col }) {
    return this.image !== null && row >= 0 && col >= 0 && row < this.image.height && col < this.image.width;
  }

  // The index of the click marked at a place of the screen, the newest first.
  findMark(x, y, reach) {
    if (this.areMarksFixed) return -1;
    const distance = (mark) => Math.hypot(this.view.toScreen(mark).x - x, this.view.toScreen(mark).y - y);
    return this.marks.findLastIndex((mark) => distance(mark) <= reach);
  }

  draw() {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      for (const pane of this.panes) this.#drawPane(pane);
    });
  }

  #resize() {
    if (this.panes.length && this.image && this.view.isFitted) this.view.fit(this.image, this.panes[0].size);
    this.draw();
  }

  #drawPane(pane) {
    const ratio = window.devicePixelRatio || 1;
    pane.resize(ratio);
    const { mode } = this.look;
    this.#drawPhoto(pane, ratio);
    const overlay = pane.overlay.getContext("2d");
    overlay.resetTransform();
    overlay.clearRect(0, 0, pane.overlay.width, pane.overlay.height);
    if (!this.image) return;
    if (mode !== "photo") for (const shown of pane.masks) this.#drawMask(pane, overlay, shown, ratio);
    if (this.target) this.#drawTarget(pane, overlay, ratio);
    overlay.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.#drawMarks(overlay);
    if (this.cursor) this.#drawCursor(overlay);
  }

  // The photograph is drawn again only where it lies elsewhere: that takes longer than all the rest.
  #drawPhoto(pane, ratio) {
    const { brightness, contrast } = this.look;
    pane.photo.style.filter = brightness === 1 && contrast === 1 ? "" : `brightness(${brightness}) contrast(${contrast})`;
    const { scale, left, top } = this.view;
    const place = [scale, left, top, ratio, pane.photo.width, pane.photo.height];
    if (pane.drawn?.image === this.image && pane.drawn.place.every((value, at) => value === place[at])) return;
    pane.drawn = { image: this.image, place };
    const photo = pane.photo.getContext("2d");
    photo.resetTransform();
    photo.clearRect(0, 0, pane.photo.width, pane.photo.height);
    if (!this.image) return;
    this.#place(photo, ratio);
    photo.imageSmoothingEnabled = scale * ratio < 3;
    photo.imageSmoothingQuality = "medium";
    photo.drawImage(this.image.bitmap, 0, 0, this.image.width, this.image.height);
  }

  #place(context, ratio, right = 0, down = 0) {
    const scale = this.view.scale * ratio;
    context.setTransform(scale, 0, 0, scale, (this.view.left + right) * ratio, (this.view.top + down) * ratio);
    context.imageSmoothingEnabled = false;
  }

  #drawMask(pane, overlay, { mask, isCurrent }, ratio) {
    const { mode, opacity } = this.look;
    this.#place(overlay, ratio);
    overlay.globalAlpha = opacity;
    if (mode === "probability" && isCurrent) this.#drawProbability(pane, overlay, mask, ratio);
    if (mode === "fill") overlay.drawImage(mask.fill, mask.box.left, mask.box.top);
    overlay.globalAlpha = 1;
    if (mode === "outline" || (mode === "fill" && isCurrent)) this.#outline(pane, overlay, mask, ratio);
  }

  // The map of the whole photograph: outside of the box all is 0.
  #drawProbability(pane, overlay, mask, ratio) {
    const scratch = pane.scratch.getContext("2d");
    scratch.resetTransform();
    scratch.clearRect(0, 0, pane.scratch.width, pane.scratch.height);
    this.#place(scratch, ratio);
    scratch.fillStyle = NOWHERE;
    scratch.fillRect(0, 0, this.image.width, this.image.height);
    scratch.drawImage(mask.probability, mask.box.left, mask.box.top);
    overlay.resetTransform();
    overlay.drawImage(pane.scratch, 0, 0);
  }

  // Two outlines, light in dark, which are seen on every photograph.
  #drawTarget(pane, overlay, ratio) {
    this.#outline(pane, overlay, this.target.dark, ratio, 2.6);
    this.#outline(pane, overlay, this.target.light, ratio, 1.4);
  }

  // What is around a mask by a constant width on the screen, however large its pixels are there.
  #outline(pane, overlay, mask, ratio, wide = 1.4) {
    const scratch = pane.scratch.getContext("2d");
    scratch.resetTransform();
    scratch.clearRect(0, 0, pane.scratch.width, pane.scratch.height);
    for (const [right, down] of [[-1, -1], [1, -1], [-1, 1], [1, 1]]) {
      this.#place(scratch, ratio, right * wide, down * wide);
      scratch.drawImage(mask.fill, mask.box.left, mask.box.top);
    }
    scratch.globalCompositeOperation = "destination-out";
    this.#place(scratch, ratio);
    scratch.drawImage(mask.fill, mask.box.left, mask.box.top);
    scratch.globalCompositeOperation = "source-over";
    overlay.resetTransform();
    overlay.drawImage(pane.scratch, 0, 0);
  }

  #drawMarks(context) {
    this.marks.forEach((mark, index) => {
      const { x, y } = this.view.toScreen(mark);
      const isSelected = index === this.selected;
      for (const [radius, colour] of [[isSelected ? 9 : 6.5, isSelected ? "#1c1d1f" : "#fff"], [isSelected ? 7 : 6.5, "#fff"], [5, mark.positive ? PLUS : MINUS]]) {
        context.fillStyle = colour;
        context.beginPath();
        if (mark.positive) context.arc(x, y, radius, 0, 2 * Math.PI);
        else context.rect(x - radius * 0.9, y - radius * 0.9, radius * 1.8, radius * 1.8);
        context.fill();
      }
    });
  }

  #drawCursor(context) {
    const { x, y } = this.view.toScreen(this.cursor);
    for (const [width, colour] of [[4, "#1c1d1f"], [1.5, "#fff"]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      for (const [right, down] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(x + 4 * right, y + 4 * down);
        context.lineTo(x + 14 * right, y + 14 * down);
      }
      context.stroke();
    }
  }
}
