// Keeps the server's objects equal to the page's, and asks for answers: of several changes only the newest is answered.

import * as api from "./api.js";
import { decodeMask } from "./mask.js";
import { colourOf } from "./state.js";

const RETRY = 1500;

export const fromServer = ({ number, name, clicks, started }) => ({
  number, name, started, clicks: clicks.map(([row, col, positive]) => ({ row, col, positive })),
});

const isEmpty = (object) => !object.clicks.length && !object.started;

export class Sync {
  // told: {answer(model, number), progress(), conflict(), error(error), found()}, the last once a lost server is back
  constructor(image, models, told) {
    Object.assign(this, { image, told, known: new Map(), wanted: [], current: 1, isPushing: false, isClosed: false });
    this.answers = Array.from({ length: models }, () => new Map());
    this.asking = this.answers.map(() => false);
  }

  // Take over the server's objects; returns the page's, which from now on are the same.
  adopt(described) {
    const objects = described.map(fromServer);
    this.known = new Map(objects.map((object, at) => [object.number, { object, revision: described[at].revision }]));
    return objects;
  }

  set(objects, current) {
    Object.assign(this, { wanted: objects, current });
    this.#push();
  }

  get isBusy() {
    return this.isPushing || this.asking.includes(true) || this.#findUnsent() !== undefined;
  }

  close() {
    this.isClosed = true;
  }

  // Resolves once everything that was clicked is on the server's disk.
  async settle() {
    while (this.isPushing) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  #findUnsent() {
    const changed = this.wanted.find((object) => {
      const known = this.known.get(object.number);
      return known ? known.object !== object : !isEmpty(object) || object.name;
    });
    if (changed) return { number: changed.number, object: changed };
    const numbers = new Set(this.wanted.map((object) => object.number));
    const removed = [...this.known.keys()].find((number) => !numbers.has(number));
    return removed === undefined ? undefined : { number: removed, object: null };
  }

  async #push() {
    if (this.isPushing) return;
    this.isPushing = true;
    try {
      for (let unsent = this.#findUnsent(); unsent; unsent = this.#findUnsent()) {
        await this.#send(unsent);
        this.#askAll();
      }
      this.isPushing = false;
      if (this.isLost) this.told.found();
      this.isLost = false;
    } catch (error) {
      this.isPushing = false;
      this.isLost = error.status === 0;
      if (error.status === 409) this.told.conflict();
      else this.told.error(error);
      if (this.isLost) setTimeout(() => this.#push(), RETRY);
    }
    this.#askAll();
    this.told.progress();
  }

  async #send({ number, object }) {
    const revision = this.known.get(number)?.revision ?? 0;
    if (object === null) {
      await api.remove(this.image, number, revision);
      this.known.delete(number);
      for (const answers of this.answers) answers.delete(number);
    } else {
      const clicks = object.clicks.map(({ row, col, positive }) => [row, col, positive]);
      const kept = await api.put(this.image, number, { name: object.name, clicks, revision });
      this.known.set(number, { object, revision: kept.revision });
    }
  }

  #askAll() {
    this.asking.forEach((_, model) => this.#ask(model));
  }

  #findUnanswered(model) {
    const first = this.wanted.find((object) => object.number === this.current);
    return [first, ...this.wanted].find((object) => {
      const known = object && this.known.get(object.number);
      if (!known || known.object !== object) return false;
      if (isEmpty(object)) return this.answers[model].delete(object.number) && false;
      return this.answers[model].get(object.number)?.revision !== known.revision;
    });
  }

  async #ask(model) {
    if (this.asking[model]) return;
    this.asking[model] = true;
    for (let next = this.#findUnanswered(model); next && !this.isClosed; next = this.#findUnanswered(model)) {
      await this.#askFor(model, next.number, this.known.get(next.number).revision);
    }
    this.asking[model] = false;
    this.told.progress();
  }

  async #askFor(model, number, revision) {
    const answers = this.answers[model];
    try {
      const { blob, box, seconds } = await api.answer(this.image, number, model, revision);
      const mask = await decodeMask(blob, box, colourOf(number));
      if (!this.known.has(number)) return;
      answers.set(number, { revision, mask, seconds });
      this.told.answer(model, number);
    } catch (error) {
      if (this.isClosed || this.known.get(number)?.revision !== revision) return;
      if (error.status === 409 && !this.isPushing) this.told.conflict();
      else if (error.status !== 409) this.told.error(error);
      if (error.status === 0) await new Promise((resolve) => setTimeout(resolve, RETRY));
      if (error.status === 0) return;
      // Not asked for again until something changes.
      if (error.status !== 409 || !this.isPushing) answers.set(number, { ...answers.get(number), revision });
      else await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
