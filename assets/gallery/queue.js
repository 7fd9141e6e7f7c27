// @ts-check
// The items that this tab holds: a list like any other for the dialog, which no other tab works through.

import { BLOCK } from "./constants.js";
import { clamp, messageOf, remembered, sleep, whole } from "./core.js";
import { Answer } from "./server.js";

/** @import { Gallery } from "./main.js" */
/** @import { Claimed, Purpose, Row } from "./types.js" */

const HELD = 12; // items asked for at once
const LOW = 6; // items left when more are asked for
const RENEW = 60_000; // ms; the server lets go after five minutes

export class Queue {
  /** @param {Gallery} app */
  constructor(app) {
    this.app = app;
    /** @type {Row[]} */
    this.rows = [];
    /** @type {Map<number, Purpose>} */
    this.purposes = new Map();
    /** @type {Set<number>} */
    this.answered = new Set();
    this.view = app.wish();
    this.version = null; // what comes is what is open now
    this.isOver = false; // nothing was left when more was asked for
    this.isLeft = false;
    this.trouble = "";
    /** @type {Promise<void> | null} */
    this.coming = null;
    /**
     * The question before: what an answer leaves unnamed is let go, so each names what the one before it brought.
     * @type {Promise<unknown>}
     */
    this.before = Promise.resolve();
    // One queue of a tab after the other: what a late answer lets go is not the next one's.
    this.holder = `${app.decisions.client}.${Date.now().toString(36)}`;
    // A renewal that does not come through is made up for by the next.
    this.renewal = setInterval(() => this.ask(0).catch(() => {}), RENEW);
    this.onLeave = () => this.leave();
    window.addEventListener("pagehide", this.onLeave);
  }

  // As long as more may come there is one more place in the list.
  get total() {
    return this.rows.length + (this.isOver ? 0 : 1);
  }

  /** Why there is nothing at a place of the list. */
  get nothing() {
    return this.trouble || "Nothing is left for you here: what is open is held by others, or settled.";
  }

  /** @param {number} position */
  at(position) {
    return this.rows[position];
  }

  /** @param {number} number */
  block(number) {
    return Promise.resolve(this.rows.slice(number * BLOCK, (number + 1) * BLOCK));
  }

  /**
   * @param {number} position
   * @returns {Promise<Row | undefined>}
   */
  async bring(position) {
    while (position >= this.rows.length && !this.isOver && !this.isLeft) await this.more();
    return this.rows[position];
  }

  /**
   * Ask for more in time.
   * @param {number} position
   */
  ahead(position) {
    if (this.rows.length - position < LOW && !this.isOver) this.more();
  }

  more() {
    this.coming ??= this.askOn().finally(() => (this.coming = null));
    return this.coming;
  }

  // Goes on asking while the server is away.
  async askOn() {
    for (let tries = 0; !this.isLeft; tries += 1) {
      try {
        await this.ask(HELD);
        return;
      } catch (error) {
        if (error instanceof Answer && error.status < 500) {
          this.trouble = messageOf(error);
          this.isOver = true;
          return;
        }
        await sleep(clamp(300 * 2 ** tries, 300, 4000));
      }
    }
  }

  // What is not answered, and what is answered and has not reached the server.
  held() {
    const waiting = this.app.decisions.pending.map((d) => d.row);
    return [...new Set([...this.rows.map((row) => row.r).filter((row) => !this.answered.has(row)), ...waiting])];
  }

  /**
   * One question after the other.
   * @param {number} count of new items; those that are held are renewed
   */
  ask(count) {
    const asked = this.before.then(() => this.claim(count));
    this.before = asked.catch(() => {});
    return asked;
  }

  /** @param {number} count */
  async claim(count) {
    if (this.isLeft) return;
    const { app, holder, view } = this;
    const reviewer = app.data.reviewer || remembered("ltnet-reviewer");
    /** @type {Claimed} */
    const claimed = await app.server.post("queue", { holder, reviewer, view, count, keep: this.held() });
    if (this.isLeft) return;
    app.decisions.learn(claimed.rows);
    for (const row of claimed.rows) {
      this.purposes.set(row.r, claimed.purposes[row.r]);
      this.answered.delete(row.r);
    }
    this.rows.push(...claimed.rows);
    this.drop(claimed.lost);
    if (count && !claimed.rows.length) this.isOver = true;
  }

  /**
   * Others hold these now: they were not renewed in time.
   * @param {number[]} rows
   */
  drop(rows) {
    const lost = new Set(rows.filter((row) => row !== this.app.review.row?.r));
    const later = this.app.review.position + 1;
    if (lost.size) this.rows = this.rows.filter((row, i) => i < later || !lost.has(row.r));
  }

  /**
   * What a second answer is; nothing where the item is open.
   * @param {number} row
   * @returns {"second" | "again" | null}
   */
  secondOf(row) {
    const purpose = this.purposes.get(row);
    return purpose === undefined || purpose === "open" ? null : purpose;
  }

  /**
   * An answer to one of its items.
   * @param {Row} row
   * @param {number} label a class, or SKIPPED
   * @param {string} reviewer
   * @param {string} reason
   * @returns {boolean} whether it was a second answer, and is on its way; else the item is open
   */
  answer(row, label, reviewer, reason) {
    const { decisions, review, seen } = this.app;
    const about = this.secondOf(row.r);
    this.answered.add(row.r);
    if (!about) return false;
    // Of one's own answer one has seen the labels before, with the answer.
    const isBlind = review.hidden && (about === "again" || !seen.has(row.r));
    decisions.opine(row, label, about, reviewer, reason, review.position, isBlind ? "image" : "labels");
    return true;
  }

  /**
   * Its answer is taken back: it is held again, before another gets it.
   * @param {number} row
   */
  reopen(row) {
    if (!this.answered.delete(row)) return;
    this.ask(0).catch(() => {
      // the next renewal holds it
    });
  }

  progress() {
    return `${whole(this.answered.size)} answered in this queue`;
  }

  leave() {
    if (this.isLeft) return;
    this.isLeft = true;
    clearInterval(this.renewal);
    window.removeEventListener("pagehide", this.onLeave);
    const { app, holder } = this;
    const letGo = () =>
      app.server.post("release", { holder }, { keepalive: true }).catch(() => {
        // it ends by itself
      });
    // What is answered is on disk before it is let go.
    const wait = () => (app.decisions.pending.length ? setTimeout(wait, 100) : letGo());
    // A question that is on its way would hold again what was let go before it.
    this.before.then(wait);
  }
}
