// @ts-check
// One item: large, with everything known of it, and settled by a key.

import { BLOCK, OPEN, SKIPPED } from "./constants.js";
import { clamp, h, messageOf, redraw, share, whole } from "./core.js";
import { alike, bars, large, log, why } from "./details.js";
import { Frame } from "./frame.js";
import { Keys } from "./keys.js";
import { conflictNote, lastAnswer, stateOf } from "./notes.js";
import { Answer } from "./server.js";

/** @import { List } from "./list.js" */
/** @import { Gallery } from "./main.js" */
/** @import { Queue } from "./queue.js" */
/** @import { About, Item, Row } from "./types.js" */

const AHEAD = 200; // rows and small images kept ready, so that no key waits for the server
const LARGE_AHEAD = 4;
const REST = 140; // ms without a step before the details are asked for
const MOST_DETAILS = 200;

/**
 * Whether a run tells what it knows of the item.
 * @param {About | Item} item
 * @returns {item is Item}
 */
const isWhole = (item) => "posterior" in item;

export class Review {
  /** @param {Gallery} app */
  constructor(app) {
    this.app = app;
    this.keys = new Keys(app.data.classes);
    this.position = 0;
    /** @type {Row | null} */
    this.row = null;
    this.alone = false; // an item that is not in the list
    this.blind = false; // the image comes first: labels and learned truth wait for the answer
    this.revealed = false; // they are in sight for this item all the same
    /**
     * The last answer, shown when the next image is in sight.
     * @type {{ row: Row, label: number } | null}
     */
    this.last = null;
    /** @type {Map<number, About | Item>} */
    this.details = new Map();
    this.turn = 0;
    /** @type {number | undefined} */
    this.rest = undefined;
    /**
     * Where the items come from that this tab holds, if not from the list in sight.
     * @type {Queue | null}
     */
    this.queue = null;
    this.onKey = (/** @type {KeyboardEvent} */ e) => this.key(e);
    this.frame = new Frame(app, this);
    this.element = this.frame.element;
    this.parts = this.frame.parts;
    this.frame.writeKeys(this.keys);
  }

  get isOpen() {
    return this.element.open;
  }

  /** @returns {List | Queue} */
  get list() {
    return this.queue || this.app.list;
  }

  // What stands for an item, unless it is in the queue for a second answer, which must not know.
  /** @param {Row} row */
  standing(row) {
    return this.queue?.secondOf(row.r) ? null : this.app.decisions.of(row.r);
  }

  showKeys() {
    this.keys.show(this.element, () => this.frame.writeKeys(this.keys));
  }

  // ---- where

  /**
   * @param {number} position
   * @param {boolean} [push]
   * @param {boolean} [blind]
   */
  async open(position, push = !this.isOpen, blind = false) {
    this.alone = false;
    if (!this.isOpen) this.blind = blind;
    this.start();
    const shown = this.show(position);
    const { turn } = this;
    await shown;
    if (turn !== this.turn) return;
    clearTimeout(this.app.soon);
    this.app.setItem(this.row?.n, push);
  }

  /**
   * An item by its row, wherever it is in the list.
   * @param {number} row
   * @param {boolean} [push]
   */
  async openRow(row, push = !this.isOpen) {
    const turn = (this.turn += 1);
    const item = await this.item(row);
    if (turn !== this.turn || this.app.closed) return;
    this.alone = true;
    if (!this.isOpen) this.blind = false;
    this.start();
    this.app.decisions.learn([item]);
    this.row = item;
    this.draw();
    clearTimeout(this.app.soon);
    this.app.setItem(item.n, push);
  }

  start() {
    if (this.isOpen) return;
    this.last = null;
    this.frame.blindly.checked = this.blind;
    this.element.showModal();
    this.element.focus(); // not the first button: Enter belongs to the item
    // Before anybody else: single letters are shortcuts of the app around.
    window.addEventListener("keydown", this.onKey, true);
  }

  close() {
    this.turn += 1; // what is still on its way is not shown
    if (!this.isOpen) return;
    this.element.close();
    window.removeEventListener("keydown", this.onKey, true);
    clearTimeout(this.rest);
    this.app.decisions.error = ""; // it has been read
    const ofQueue = this.queue;
    ofQueue?.leave();
    this.queue = null;
    this.app.setItem("", false);
    const card = this.app.grid.element.querySelector(`[data-position="${this.position}"]`);
    if (!this.alone && !ofQueue && card instanceof HTMLElement) card.focus();
  }

  /** @param {number} position */
  async show(position) {
    const { app } = this;
    const turn = (this.turn += 1);
    this.position = position;
    this.alone = false;
    this.revealed = false;
    this.row = this.list.at(position) || null;
    if (!this.row) {
      this.draw();
      let trouble = "";
      this.row = (await this.list.bring(position).catch((error) => void (trouble = messageOf(error)))) || null;
      if (turn !== this.turn) return;
      if (!this.row) {
        this.parts.name.textContent = trouble || this.queue?.nothing || "There is nothing at this place of the list.";
        return;
      }
    }
    this.draw();
    this.ahead();
    if (!this.queue) app.setItemSoon(this.row?.n);
  }

  /** @param {1 | -1} by */
  step(by) {
    if (this.alone) return this.show(clamp(this.position, 0, Math.max((this.list.total || 1) - 1, 0)));
    const next = clamp(this.position + by, 0, Math.max((this.list.total || 1) - 1, 0));
    return next === this.position ? undefined : this.show(next);
  }

  // Keep ready what comes next.
  ahead() {
    const { app, list, position } = this;
    const total = list.total || 0;
    this.queue?.ahead(position);
    for (let number = Math.floor(position / BLOCK); number * BLOCK < Math.min(position + AHEAD, total); number += 1) {
      list
        .block(number)
        .then((rows) => app.images.bring(rows.map((r) => r.r), () => {}))
        .then(() => this.strip())
        .catch(() => {
          // the connection was lost: asked for again at the next step
        });
    }
    for (let i = 1; i <= LARGE_AHEAD; i += 1) {
      const row = list.at(position + i);
      if (row) new Image().src = app.server.image(row.r);
    }
  }

  // ---- keys

  /** @param {KeyboardEvent} event */
  key(event) {
    const target = event.composedPath()[0];
    if (this.element.querySelector(".ga-keys")) {
      event.stopImmediatePropagation(); // the list of keys is in front
    } else if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) {
      this.typed(event, target);
    } else if (!event.ctrlKey && !event.metaKey && !event.altKey) {
      // A button that was reached by the keyboard is pressed by it.
      const onButton = target instanceof Element && target.closest("button")?.matches(":focus-visible");
      if (onButton && (event.key === "Enter" || event.key === " ")) event.stopImmediatePropagation();
      else this.pressed(event);
    }
  }

  /**
   * @param {KeyboardEvent} event
   * @param {HTMLElement} field
   */
  typed(event, field) {
    if ((event.key === "Enter" || event.key === "Escape") && !event.isComposing) {
      field.dispatchEvent(new Event("change"));
      field.blur();
      event.preventDefault();
    }
    event.stopImmediatePropagation();
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const k = this.keys.classOf(name);
    /** @type {Record<string, () => unknown>} */
    const actions = {
      ArrowRight: () => this.step(1),
      ArrowDown: () => this.step(1),
      ArrowLeft: () => this.step(-1),
      ArrowUp: () => this.step(-1),
      Escape: () => this.close(),
      Enter: () => this.enter(),
      Backspace: () => this.undo(),
      " ": () => this.settle(SKIPPED),
      "/": () => this.frame.reason.focus(),
      "?": () => this.showKeys(),
    };
    const act = k >= 0 ? () => this.settle(k) : actions[name];
    if (name === "Tab" || (!act && name.length > 1)) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    if (event.repeat && !name.startsWith("Arrow")) return;
    act?.();
  }

  // The labels are not in sight, and wait for the answer.
  get hidden() {
    return this.blind && !this.revealed && !(this.row && this.standing(this.row));
  }

  // A folder or a file is often named after a class.
  get caption() {
    if (!this.row) return "Bringing it …";
    if (!this.hidden) return this.row.n;
    return this.app.seen.has(this.row.r) ? "Its labels were in sight before." : "";
  }

  // Enter shows what is hidden; then it agrees with the learned truth.
  enter() {
    if (!this.row) return;
    if (this.hidden) {
      this.revealed = true;
      this.draw();
    } else if (this.row.t >= 0) this.settle(this.row.t);
  }

  /** @param {number} label a class, or SKIPPED */
  settle(label) {
    const { app, row } = this;
    if (!row) return; // nothing is in sight that could be meant
    const by = this.frame.reviewer.value.trim();
    const reason = this.frame.reason.value.trim();
    if (!this.queue?.answer(row, label, by, reason)) {
      const shown = this.hidden && !app.seen.has(row.r) ? "image" : "labels";
      app.moveProgress(app.decisions.decide(row, label, by, reason, this.position, shown), label);
    }
    this.frame.reason.value = "";
    this.last = { row, label };
    const last = (this.list.total || 0) - 1;
    if (!this.alone && this.position < last) this.show(this.position + 1);
    else this.draw();
  }

  undo() {
    const { app } = this;
    const back = app.decisions.undo(this.frame.reviewer.value.trim());
    if (!back) return;
    app.moveProgress(back.was, back.before ? back.before.label : OPEN);
    this.queue?.reopen(back.row);
    this.last = null;
    app.seen.add(back.row); // what it is called was shown after the answer
    if (!this.alone && this.list.at(back.position)?.r === back.row) this.show(back.position);
    else this.draw();
  }

  // ---- drawing

  draw() {
    const { app, row, parts } = this;
    const total = this.list.total || 0;
    const of = this.queue ? "" : ` of ${whole(total)}`;
    parts.place.textContent = this.alone ? "not in this list" : `${whole(this.position + 1)}${of}`;
    this.refresh();
    for (const part of [parts.picture, parts.details, parts.about]) part.replaceChildren();
    parts.name.textContent = this.caption;
    this.frame.agree.hidden = !app.data.truth && !this.hidden;
    this.frame.agree.disabled = !row || (!this.hidden && row.t < 0);
    this.frame.agree.replaceChildren(h("kbd", {}, "Enter"), this.hidden ? "show the labels" : "agree with LT");
    if (!row) return;
    parts.picture.append(large(app, row, this.hidden ? "the image" : row.n));
    clearTimeout(this.rest);
    if (this.blind) this.answered();
    if (this.hidden) return;
    app.seen.add(row.r);
    parts.about.replaceChildren(...app.grid.chips(row));
    const known = this.details.get(row.r);
    if (known) this.explain(known);
    else this.rest = setTimeout(() => this.ask(row), REST);
  }

  // What the last image was called, beside the next one.
  async answered() {
    const { app, last } = this;
    if (!last) {
      const then = app.data.truth ? "What the coders said, the learned truth and why stand" : "What the coders said stands";
      const text = `The image first. ${then} here after your answer.`;
      this.parts.details.replaceChildren(h("p", { class: "ga-quiet" }, text));
      return;
    }
    const box = lastAnswer(app, last.row, last.label);
    this.parts.details.replaceChildren(box);
    this.rest = setTimeout(async () => {
      try {
        const item = this.details.get(last.row.r) || (await this.item(last.row.r));
        if (isWhole(item) && this.last === last && this.hidden) box.append(why(app, item) || "", bars(app, item));
      } catch {
        // the chips say the most of it; the next answer asks again
      }
    }, REST);
  }

  /**
   * @param {number} row
   * @returns {Promise<About | Item>}
   */
  async item(row) {
    /** @type {About | Item} */
    const item = await this.app.server.json("item", { row: String(row) });
    this.details.set(row, item);
    for (const oldest of this.details.keys()) {
      if (this.details.size <= MOST_DETAILS) break;
      this.details.delete(oldest);
    }
    return item;
  }

  /** @param {Row} row */
  async ask(row) {
    try {
      const item = await this.item(row.r);
      if (this.row?.r === row.r) this.explain(item);
    } catch (error) {
      if (this.row?.r === row.r) this.parts.details.replaceChildren(h("p", { class: "ga-quiet" }, error instanceof Answer ? error.message : "The server does not answer."));
    }
  }

  /**
   * Rows whose state has changed: what was told of them is old.
   * @param {number[]} rows
   */
  outdate(rows) {
    for (const row of rows) this.details.delete(row);
    if (!this.isOpen || !this.row || !rows.includes(this.row.r)) return;
    clearTimeout(this.rest);
    this.rest = setTimeout(() => this.row && this.ask(this.row), REST);
  }

  // What changes while one looks: the state of saving, progress, what was settled.
  refresh() {
    const { app, parts, row } = this;
    if (!this.isOpen) return;
    const { decisions } = app;
    const trouble = decisions.lost || decisions.conflicts.length;
    parts.state.className = "ga-state" + (trouble ? " lost" : "");
    parts.state.textContent = stateOf(decisions);
    this.strip();
    const { settled, items } = app.progress();
    this.frame.filled.style.width = share(items ? settled / items : 0);
    parts.progressText.textContent = this.queue?.progress() ?? `${whole(settled)} of ${whole(items)} settled`;
    const decision = row && this.standing(row);
    this.frame.buttons.forEach((button, k) => {
      button.classList.toggle("chosen", decision?.label === k);
      button.classList.toggle("learned", !this.hidden && row?.t === k);
      button.disabled = !row;
    });
    app.settling.drawMark(this.frame.opinion, row);
    if (row) parts.about.replaceChildren(...(this.hidden ? [] : app.grid.chips(row)));
    if (this.last) parts.details.querySelector(".ga-last .ga-about")?.replaceChildren(...app.grid.chips(this.last.row));
    parts.conflicts.replaceChildren(...decisions.conflicts.map((c) => conflictNote(app, c)));
    if (decisions.error) {
      parts.conflicts.append(h("p", { class: "ga-note error", role: "alert" }, `Not saved: ${decisions.error}`));
    }
  }

  strip() {
    const { app, parts } = this;
    if (!this.isOpen || this.alone) return parts.strip.replaceChildren();
    const cells = [];
    for (let i = this.position - 2; i <= this.position + 12; i += 1) {
      const row = i >= 0 ? this.list.at(i) : null;
      if (!row) continue;
      const address = app.images.get(row.r);
      const decision = this.standing(row);
      cells.push(
        h(
          "button",
          { class: i === this.position ? "on" : "", tabIndex: -1, onClick: () => this.show(i) },
          address ? h("img", { src: address, alt: "" }) : null,
          decision ? h("b", {}, decision.label === SKIPPED ? "skip" : app.data.codes[decision.label]) : null,
        ),
      );
    }
    return parts.strip.replaceChildren(...cells);
  }

  /** @param {About | Item} item */
  explain(item) {
    if (this.hidden) return;
    if (!isWhole(item)) {
      redraw(this.parts.details, log(item));
      return;
    }
    for (const row of item.alike) this.app.seen.add(row.r);
    redraw(this.parts.details, bars(this.app, item), why(this.app, item), alike(this.app, item), log(item));
  }

  destroy() {
    window.removeEventListener("keydown", this.onKey, true);
    clearTimeout(this.rest);
    if (this.isOpen) this.element.close();
  }
}
