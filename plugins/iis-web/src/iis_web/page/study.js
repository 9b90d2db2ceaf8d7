// A study: one object after the other, as the server gives them; every click counts, none is taken back.

import * as api from "./api.js";
import { cursorActions } from "./cursor.js";
import { POINTING, STUDYING, VIEWING, listKeys, obeyKeys } from "./keys.js";
import { Mask, decodeMask } from "./mask.js";
import { Looks, byId, showMessage, tell } from "./panel.js";
import { Pointer } from "./pointer.js";
import { Stage } from "./stage.js";
import { colourOf } from "./state.js";

const TRACE_EVERY = 0.05;
const LONGEST_TRACE = 4000;
const UNUSED = ["previous-image", "next-image", "undo", "redo", "reset", "objects-section"];

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

class Studying {
  constructor(session) {
    Object.assign(this, { session, news: null, shown: null, isNegative: false, isAwaited: false, mouse: [] });
    for (const id of UNUSED) byId(id).hidden = true;
    byId("progress").hidden = false;
    document.title = "iis click: study";
    byId("title").textContent = "Study";
    this.stage = new Stage(byId("stage"));
    this.stage.divide(1);
    this.stage.areMarksFixed = true;
    this.stage.panes[0].tag.hidden = true;
    this.looks = new Looks(this.stage);
    new Pointer(this.stage, {
      click: (pixel, isBackground) => this.click(pixel, isBackground),
      select: () => {},
      drag: () => {},
      hover: (pixel) => pixel && this.trace(pixel),
    });
    this.#bind();
    this.follow();
  }

  #bind() {
    const { stage, looks } = this;
    const actions = {
      ...cursorActions(stage, (pixel, isBackground) => this.click(pixel, isBackground)),
      begin: () => this.begin(),
      switchSign: () => this.setSign(!this.isNegative),
      zoomIn: () => stage.zoom(1.4), zoomOut: () => stage.zoom(1 / 1.4), fit: () => stage.fit(),
      nextLook: () => looks.next(),
      moreOpacity: () => looks.changeOpacity(0.1), lessOpacity: () => looks.changeOpacity(-0.1),
      hide: () => looks.hide(), unhide: () => looks.unhide(),
      help: () => byId("help").showModal(),
    };
    obeyKeys([...STUDYING, ...POINTING, ...VIEWING], actions);
    listKeys(STUDYING, byId("gestures"), byId("keys"));
    const buttons = { "zoom-in": "zoomIn", "zoom-out": "zoomOut", fit: "fit", "show-help": "help", begin: "begin" };
    for (const [id, action] of Object.entries(buttons)) byId(id).addEventListener("click", actions[action]);
    byId("positive").addEventListener("click", () => this.setSign(false));
    byId("negative").addEventListener("click", () => this.setSign(true));
  }

  // Show what the server says, again and again, until there is nothing more to come.
  async follow() {
    for (let isOver = false; !isOver; ) {
      try {
        const news = await api.readNews(this.news?.version ?? 0);
        if (news.version !== this.news?.version) await this.show(news);
        isOver = ["done", "failed"].includes(news.phase);
      } catch (error) {
        // Another click came before its picture was read: newer news follow.
        if (error.status !== 409) {
          showMessage(error.message);
          await sleep(1000);
        }
      }
    }
  }

  async show(news) {
    const { object, phase } = news;
    if (phase === "click") await this.showObject(news);
    this.news = news;
    if (phase === "preparing" || phase === "ready") this.leaveObject();
    const { objects, max_clicks: most } = this.session;
    const isOver = phase === "done" || phase === "failed";
    byId("progress").textContent = isOver ? "" : `Object ${object + 1} of ${objects}`
      + (this.shown === null ? "" : ` · click ${Math.min(news.clicks.length + 1, most)} of ${most}`);
    byId("status").textContent = { preparing: "Preparing…", thinking: "Thinking…" }[phase] ?? "";
    byId("stage").setAttribute("aria-busy", phase === "preparing" || phase === "thinking");
    Object.assign(byId("stage").dataset, { phase, clicks: news.clicks.length });
    this.#showCard(news);
    if (news.message && phase !== "failed") showMessage(news.message);
    if (phase === "click") this.await();
  }

  #showCard({ phase, object, message }) {
    const { objects, participant, show_target: seconds } = this.session;
    const glance = seconds === null ? "The object is outlined." : `The object is outlined for ${seconds} s.`;
    const task = `${glance}\nClick until the mask fits: on what is missing, and with the right button, or a long press, on what is too much.`;
    const text = {
      ready: object === 0 ? task : `Object ${object + 1} of ${objects} is ready.`,
      done: `That was all: thank you.\nEverything is kept under the code ${participant}.`,
      failed: message,
    }[phase];
    byId("card").hidden = text === undefined;
    byId("card-text").textContent = text ?? "";
    byId("begin").hidden = phase !== "ready";
    if (phase === "ready") byId("begin").focus();
  }

  leaveObject() {
    if (this.shown !== null) this.stage.show(null);
    this.shown = null;
    this.mouse = [];
    clearTimeout(this.hiding);
  }

  async showObject({ object, clicks }) {
    const isNew = this.shown !== object;
    const [bitmap, target, { blob, box }] = await Promise.all([
      isNew ? api.readShownPhotograph(object) : null,
      isNew ? api.readTarget(object) : null,
      api.readShownAnswer(object, clicks.length),
    ]);
    const mask = await decodeMask(blob, box, colourOf(1));
    if (isNew) {
      const light = await decodeMask(target.blob, target.box, "#f0e442");
      this.stage.show({ bitmap, width: bitmap.width, height: bitmap.height });
      this.stage.target = { light, dark: new Mask(light.levels, light.box, "#1c1d1f") };
      this.shown = object;
      this.#hideTargetLater();
    }
    this.stage.marks = clicks.map(([row, col, positive]) => ({ row, col, positive }));
    this.stage.panes[0].masks = [{ mask, isCurrent: true }];
    this.stage.draw();
    tell(`${clicks.length} clicks`);
  }

  #hideTargetLater() {
    const seconds = this.session.show_target;
    if (seconds === null) return;
    this.hiding = setTimeout(() => {
      this.stage.target = null;
      this.stage.draw();
    }, 1000 * seconds);
  }

  // The clock of a click begins when the prediction before it is on the screen.
  await() {
    requestAnimationFrame(() => {
      this.since = performance.now();
      this.mouse = [];
      this.isAwaited = true;
    });
  }

  trace({ row, col }) {
    const seconds = Math.round(performance.now() - this.since) / 1000;
    const last = this.mouse.at(-1);
    if (!this.isAwaited || this.mouse.length >= LONGEST_TRACE || (last && seconds - last[0] < TRACE_EVERY)) return;
    this.mouse.push([seconds, row, col]);
  }

  async click(pixel, isBackground) {
    if (!this.isAwaited || !this.stage.contains(pixel)) return;
    this.isAwaited = false;
    const { object, clicks } = this.news;
    const seconds = (performance.now() - this.since) / 1000;
    const positive = !(isBackground || this.isNegative);
    this.stage.marks = [...this.stage.marks, { ...pixel, positive }];
    this.stage.draw();
    showMessage();
    try {
      await api.click({ object, number: clicks.length + 1, ...pixel, positive, seconds, mouse: this.mouse });
    } catch (error) {
      this.stage.marks = this.stage.marks.slice(0, -1);
      this.stage.draw();
      this.isAwaited = error.status === 422 || error.status === 0;
      if (error.status !== 409) showMessage(error.message);
    }
  }

  async begin() {
    if (this.news?.phase !== "ready") return;
    showMessage();
    await api.begin(this.news.object).catch((error) => error.status !== 409 && showMessage(error.message));
  }

  setSign(isNegative) {
    this.isNegative = isNegative;
    byId("positive").setAttribute("aria-pressed", !isNegative);
    byId("negative").setAttribute("aria-pressed", isNegative);
  }
}

export const begin = (session) => new Studying(session);
