// Trying models, making masks, comparing: what happens when a person clicks, and what the page shows of it.

import * as api from "./api.js";
import { cursorActions } from "./cursor.js";
import { ANNOTATING, POINTING, VIEWING, listKeys, obeyKeys } from "./keys.js";
import { Looks, ObjectList, byId, showMessage, tell } from "./panel.js";
import { Pointer } from "./pointer.js";
import { Stage } from "./stage.js";
import * as states from "./state.js";
import { Sync } from "./sync.js";

const SAVE_AFTER = 1200;

class Annotating {
  constructor(session) {
    Object.assign(this, { session, place: 0, sync: null, state: states.start(), isNegative: false, isSaved: true });
    this.stage = new Stage(byId("stage"));
    this.stage.divide(session.models.length);
    this.looks = new Looks(this.stage);
    this.list = new ObjectList(byId("objects"), {
      choose: (number) => this.act({ type: "choose", number }),
      rename: (number, name) => this.act({ type: "rename", number, name }),
      remove: (number) => this.act({ type: "remove", number }),
    });
    new Pointer(this.stage, {
      click: (pixel, isBackground) => this.click(pixel, isBackground),
      select: (index) => this.act({ type: "select", index }),
      drag: (index, pixel, isDone) => this.drag(index, pixel, isDone),
      hover: (pixel, isOver) => this.stage.element.classList.toggle("over-mark", isOver),
    });
    this.#bind();
    const place = Number(new URLSearchParams(location.hash.slice(1)).get("image")) - 1;
    this.open(session.images[place] ? place : 0);
  }

  #bind() {
    const { stage, looks } = this;
    const actions = {
      ...Object.fromEntries(["undo", "redo", "reset", "add"].map((type) => [type, () => this.act({ type })])),
      ...cursorActions(stage, (pixel, isBackground) => this.click(pixel, isBackground)),
      delete: () => this.deleteClick(),
      unselect: () => this.act({ type: "select", index: null }),
      switchSign: () => this.setSign(!this.isNegative),
      previousObject: () => this.act({ type: "chooseNext", by: -1 }),
      nextObject: () => this.act({ type: "chooseNext", by: 1 }),
      previousImage: () => this.open(this.place - 1),
      nextImage: () => this.open(this.place + 1),
      save: () => this.save(),
      zoomIn: () => stage.zoom(1.4), zoomOut: () => stage.zoom(1 / 1.4), fit: () => stage.fit(),
      nextLook: () => looks.next(),
      moreOpacity: () => looks.changeOpacity(0.1), lessOpacity: () => looks.changeOpacity(-0.1),
      hide: () => looks.hide(), unhide: () => looks.unhide(),
      help: () => byId("help").showModal(),
    };
    const table = [...ANNOTATING, ...POINTING, ...VIEWING];
    obeyKeys(table, actions);
    listKeys(ANNOTATING, byId("gestures"), byId("keys"));
    const buttons = {
      undo: "undo", redo: "redo", reset: "reset", "delete-click": "delete", "add-object": "add", "zoom-in": "zoomIn",
      "zoom-out": "zoomOut", fit: "fit", "previous-image": "previousImage", "next-image": "nextImage", "show-help": "help",
    };
    for (const [id, action] of Object.entries(buttons)) byId(id).addEventListener("click", actions[action]);
    byId("positive").addEventListener("click", () => this.setSign(false));
    byId("negative").addEventListener("click", () => this.setSign(true));
    byId("reveal").addEventListener("click", () => this.reveal());
    window.addEventListener("focus", () => this.catchUp());
    document.addEventListener("visibilitychange", () => document.hidden && this.save());
  }

  async open(place) {
    if (place < 0 || place >= this.session.images.length) return;
    await this.leave();
    this.place = place;
    history.replaceState(null, "", `#image=${place + 1}`);
    showMessage();
    this.stage.show(null);
    this.state = states.start();
    this.isOpen = false;
    this.show();
    const sync = this.#makeSync(place);
    this.sync = sync;
    try {
      const described = await api.readImage(place);
      const bitmap = await api.readPhotograph(place);
      if (this.sync !== sync) return;
      this.isOpen = true;
      this.isSaved = described.saved;
      this.stage.show({ bitmap, width: described.width, height: described.height });
      this.state = states.start(sync.adopt(described.objects));
      this.encode(sync, place);
      this.show();
      sync.set(this.state.objects, this.state.current);
    } catch (error) {
      if (this.sync === sync) this.fail(error);
    }
  }

  async leave() {
    const { sync, place } = this;
    if (!sync) return;
    clearTimeout(this.saving);
    this.sync = null;
    await sync.settle();
    sync.close();
    if (!this.isSaved && this.session.keeps) api.save(place).catch(() => {});
  }

  #makeSync(place) {
    const isCurrent = () => this.sync?.image === place;
    return new Sync(place, this.session.models.length, {
      answer: (model, number) => isCurrent() && this.#tellAnswer(model, number),
      progress: () => isCurrent() && this.show(),
      conflict: () => isCurrent() && this.catchUp(true),
      error: (error) => isCurrent() && this.fail(error),
      found: () => isCurrent() && showMessage(),
    });
  }

  async encode(sync, place) {
    this.encoding = this.session.models.length;
    await Promise.all(this.session.models.map((_, model) => api.encode(place, model)
      .catch((error) => this.sync === sync && this.fail(error))
      .finally(() => this.sync === sync && (this.encoding -= 1))));
    if (this.sync === sync) this.show();
  }

  act(action) {
    if (!this.isOpen) return;
    const before = this.state;
    this.state = states.reduce(before, action);
    if (this.state.objects !== before.objects) {
      this.isSaved = false;
      showMessage();
    }
    this.sync?.set(this.state.objects, this.state.current);
    this.show();
  }

  click(pixel, isBackground) {
    if (!this.stage.contains(pixel)) return;
    this.act({ type: "click", click: { ...pixel, positive: !(isBackground || this.isNegative) } });
  }

  drag(index, pixel, isDone) {
    const isInside = this.stage.contains(pixel);
    if (isDone && isInside) this.act({ type: "move", index, ...pixel });
    else if (isDone) this.show();
    else if (isInside) this.stage.marks = this.stage.marks.map((mark, at) => (at === index ? { ...mark, ...pixel } : mark));
    this.stage.draw();
  }

  deleteClick() {
    const { clicks } = states.currentObject(this.state);
    const index = this.state.selected ?? clicks.length - 1;
    if (index >= 0) this.act({ type: "delete", index });
  }

  setSign(isNegative) {
    this.isNegative = isNegative;
    byId("positive").setAttribute("aria-pressed", !isNegative);
    byId("negative").setAttribute("aria-pressed", isNegative);
  }

  async save() {
    clearTimeout(this.saving);
    const { sync, place } = this;
    if (!sync || this.isSaved || !this.session.keeps) return;
    await sync.settle();
    const objects = this.state.objects;
    try {
      await api.save(place);
      if (this.sync === sync && this.state.objects === objects) this.isSaved = true;
    } catch (error) {
      if (this.sync === sync && error.status !== 409) this.fail(error);
    }
    if (this.sync === sync) this.show();
  }

  async reveal() {
    this.session = await api.reveal();
    this.show();
  }

  // Another tab may have changed the image.
  async catchUp(isConflict = false) {
    const { sync, place } = this;
    if (!sync || !this.isOpen || (sync.isBusy && !isConflict)) return;
    const described = await api.readImage(place).catch(() => null);
    if (!described || this.sync !== sync || (sync.isBusy && !isConflict)) return;
    const isSame = described.objects.length === sync.known.size
      && described.objects.every((each) => sync.known.get(each.number)?.revision === each.revision);
    if (isSame) return;
    this.state = states.adopt(this.state, sync.adopt(described.objects));
    this.isSaved = described.saved;
    sync.set(this.state.objects, this.state.current);
    this.show();
    if (isConflict) showMessage("Another tab changed this image; this is its newest state.");
  }

  fail(error) {
    showMessage(error.message);
    this.show();
  }

  #tellAnswer(model, number) {
    const { mask } = this.sync.answers[model].get(number);
    const share = Math.round((1000 * mask.pixels) / (this.stage.image.width * this.stage.image.height)) / 10;
    tell(`${this.session.models[model]}: ${share} percent of the photograph`);
    this.show();
  }

  show() {
    const { state, stage, sync, session } = this;
    const current = states.currentObject(state);
    Object.assign(stage, { marks: current.clicks, selected: state.selected });
    stage.panes.forEach((pane, model) => {
      const answers = sync?.answers[model] ?? new Map();
      pane.masks = state.objects
        .filter((object) => answers.get(object.number)?.mask && (object.clicks.length || object.started))
        .map((object) => ({ mask: answers.get(object.number).mask, isCurrent: object.number === state.current }));
      const seconds = answers.get(state.current)?.seconds;
      pane.tag.textContent = session.models[model] + (seconds === undefined ? "" : ` · ${seconds.toFixed(seconds < 1 ? 3 : 1)} s`);
      pane.tag.dataset.seconds = seconds ?? "";
    });
    stage.draw();
    this.list.show(state);
    this.#showButtons(current);
    this.#showStatus();
  }

  #showButtons(current) {
    const { state, session, place } = this;
    const many = session.images.length;
    byId("title").textContent = session.images[place].name + (many > 1 ? ` (${place + 1} of ${many})` : "");
    byId("undo").disabled = !state.past.length && !current.clicks.length;
    byId("redo").disabled = !state.future.length;
    byId("reset").disabled = !current.clicks.length;
    byId("delete-click").hidden = state.selected === null;
    byId("reveal").hidden = !session.blind;
    for (const id of ["previous-image", "next-image"]) byId(id).hidden = many === 1;
    byId("previous-image").disabled = place === 0;
    byId("next-image").disabled = place === many - 1;
  }

  #showStatus() {
    const isBusy = !this.isOpen || this.sync?.isBusy || this.encoding > 0;
    byId("stage").setAttribute("aria-busy", Boolean(isBusy) && byId("message").hidden);
    const isSaved = this.isSaved || !this.session.keeps;
    const hasFailed = !byId("message").hidden;
    byId("status").textContent = hasFailed ? "" : !this.isOpen ? "Opening…" : this.encoding > 0 ? "Encoding…"
      : this.sync?.isBusy ? "Thinking…" : isSaved ? (this.session.keeps ? "Saved" : "") : "Saving…";
    if (!isBusy && !isSaved && !hasFailed) {
      clearTimeout(this.saving);
      this.saving = setTimeout(() => this.save(), SAVE_AFTER);
    }
  }
}

export const begin = (session) => new Annotating(session);
