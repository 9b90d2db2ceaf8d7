// The panel: objects with names and colours, and how the stage looks.

import { colourOf } from "./state.js";
import { LOOKS } from "./stage.js";

const LOOK_NAMES = { fill: "Fill", outline: "Outline", probability: "Prob.", photo: "Photo" };
const LOOK_TITLES = { probability: "Probability map", photo: "Photograph alone" };

export const byId = (id) => document.getElementById(id);

export class ObjectList {
  // act: {choose(number), rename(number, name), remove(number)}
  constructor(element, act) {
    Object.assign(this, { element, act, items: new Map() });
  }

  show(state) {
    const numbers = new Set(state.objects.map((each) => each.number));
    for (const [number, item] of this.items) {
      if (!numbers.has(number)) {
        item.remove();
        this.items.delete(number);
      }
    }
    for (const object of state.objects) this.#showItem(object, object.number === state.current);
  }

  #showItem(object, isCurrent) {
    if (!this.items.has(object.number)) {
      this.items.set(object.number, this.#makeItem(object.number));
      this.element.append(this.items.get(object.number));
    }
    const item = this.items.get(object.number);
    const [choose, name] = item.children;
    item.classList.toggle("current", isCurrent);
    if (isCurrent) choose.setAttribute("aria-current", "true");
    else choose.removeAttribute("aria-current");
    if (document.activeElement !== name) name.value = object.name;
    const count = object.clicks.length;
    choose.title = `${count} ${count === 1 ? "click" : "clicks"}`;
  }

  #makeItem(number) {
    const item = document.createElement("li");
    const [choose, name, remove] = ["button", "input", "button"].map((tag) => document.createElement(tag));
    const dot = document.createElement("i");
    dot.className = "dot";
    dot.style.background = colourOf(number);
    choose.append(dot);
    choose.setAttribute("aria-label", `Object ${number}`);
    choose.addEventListener("click", () => this.act.choose(number));
    Object.assign(name, { placeholder: `Object ${number}`, maxLength: 80, autocomplete: "off", spellcheck: false });
    name.setAttribute("aria-label", `Name of object ${number}`);
    name.addEventListener("change", () => this.act.rename(number, name.value.trim()));
    name.addEventListener("keydown", (event) => ["Enter", "Escape"].includes(event.key) && name.blur());
    name.addEventListener("focus", () => this.act.choose(number));
    remove.textContent = "×";
    remove.setAttribute("aria-label", `Remove object ${number}`);
    remove.addEventListener("click", () => this.act.remove(number));
    item.append(choose, name, remove);
    return item;
  }
}

export class Looks {
  // Controls of `stage.look`.
  constructor(stage) {
    this.stage = stage;
    this.buttons = new Map(LOOKS.map((mode) => [mode, document.createElement("button")]));
    for (const [mode, button] of this.buttons) {
      button.textContent = LOOK_NAMES[mode];
      button.title = LOOK_TITLES[mode] ?? LOOK_NAMES[mode];
      button.addEventListener("click", () => this.set({ mode }));
    }
    byId("looks").append(...this.buttons.values());
    for (const name of ["opacity", "brightness", "contrast"]) {
      byId(name).addEventListener("input", (event) => this.set({ [name]: Number(event.target.value) / 100 }));
    }
    this.set({});
  }

  set(changes) {
    Object.assign(this.stage.look, changes);
    for (const [mode, button] of this.buttons) button.setAttribute("aria-pressed", mode === this.stage.look.mode);
    for (const name of ["opacity", "brightness", "contrast"]) byId(name).value = Math.round(100 * this.stage.look[name]);
    this.stage.draw();
  }

  next() {
    this.set({ mode: LOOKS[(LOOKS.indexOf(this.stage.look.mode) + 1) % LOOKS.length] });
  }

  changeOpacity(by) {
    this.set({ opacity: Math.min(1, Math.max(0, this.stage.look.opacity + by)) });
  }

  // The photograph alone, until the key is let go.
  hide() {
    if (this.shown) return;
    this.shown = this.stage.look.mode;
    this.set({ mode: "photo" });
  }

  unhide() {
    if (this.shown) this.set({ mode: this.shown });
    this.shown = null;
  }
}

// A sentence at the bottom of the page; an error stays until something else happens.
export function showMessage(text) {
  byId("message").textContent = text ?? "";
  byId("message").hidden = !text;
}

export function tell(text) {
  byId("told").textContent = text;
}
