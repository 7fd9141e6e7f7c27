// @ts-check
// Many images at once: which are chosen, and what is done with them. Every action can be undone from the history.

import { BOOKMARK, SECOND_OPINION, SET_ASIDE } from "./constants.js";
import { clamp, h, messageOf, redraw, remembered, whole } from "./core.js";

/** @import { Gallery } from "./main.js" */
/** @import { Acted, Row } from "./types.js" */

const MOST_IN_A_RANGE = 20_000;

export class Many {
  /** @param {Gallery} app */
  constructor(app) {
    this.app = app;
    /** @type {Set<number>} */
    this.rows = new Set();
    this.all = false; // all of the view
    this.anchor = -1; // position from which shift chooses a range
    this.busy = false;
    this.number = 0;
    this.typed = ""; // as a tag
    this.settleAs = ""; // an arrow key changes it: it is done by a button
    this.element = h("section", { class: "ga-many", "aria-label": "The chosen images", hidden: true });
  }

  get count() {
    return this.all ? this.app.list.total || 0 : this.rows.size;
  }

  /** @param {number} row */
  has(row) {
    return this.all || this.rows.has(row);
  }

  clear() {
    this.rows.clear();
    this.all = false;
    this.anchor = -1;
    this.typed = "";
    this.settleAs = "";
    this.draw();
    this.app.grid.mark();
  }

  /**
   * @param {Row} row
   * @param {number} position
   * @param {boolean} range from the last one that was chosen
   */
  async toggle(row, position, range) {
    if (this.all) return this.clear();
    const on = !this.rows.has(row.r);
    const from = range && this.anchor >= 0 ? this.anchor : position;
    if (Math.abs(position - from) > MOST_IN_A_RANGE) {
      this.app.say(`At most ${whole(MOST_IN_A_RANGE)} images can be chosen as a range; choose all of the view instead.`);
      this.app.grid.mark();
      return undefined;
    }
    this.anchor = position;
    if (range && from !== position) {
      const { list } = this.app;
      const rows = await Promise.all(between(from, position).map((at) => list.bring(at))).catch((error) => void this.app.say(messageOf(error)));
      if (list !== this.app.list) return undefined;
      if (!rows) {
        this.app.grid.mark();
        return undefined;
      }
      for (const one of rows) if (one) this.rows.add(one.r);
    } else if (on) this.rows.add(row.r);
    else this.rows.delete(row.r);
    this.draw();
    this.app.grid.mark();
    return undefined;
  }

  chooseAll() {
    this.all = true;
    this.rows.clear();
    this.draw();
    this.app.grid.mark();
  }

  /** What is meant, for the server. */
  meant() {
    const view = { view: this.app.wish(), as_of: this.app.list.version ?? -1 };
    return this.all ? view : { ...view, rows: [...this.rows] };
  }

  reviewer() {
    return this.app.data.reviewer || remembered("ltnet-reviewer");
  }

  /**
   * @param {"settle" | "skip" | "tag" | "untag"} kind
   * @param {string} value class or tag
   */
  async act(kind, value) {
    const { app } = this;
    if (this.busy || !this.count) return;
    const from = this.anchor;
    this.busy = true;
    this.draw();
    const key = `${app.decisions.client}.${(this.number += 1)}.${Date.now().toString(36)}`;
    try {
      /** @type {Acted} */
      const acted = await app.server.post("actions", { ...this.meant(), kind, value, key, reviewer: this.reviewer() });
      this.rows.clear();
      this.all = false;
      this.typed = "";
      this.settleAs = "";
      await app.changed();
      app.say(resultOf(kind, value, acted), h("button", { class: "ga-button", name: "undo-action", onClick: () => app.history.undo(key) }, "Undo"));
    } catch (error) {
      app.say(messageOf(error));
    }
    this.busy = false;
    this.draw();
    app.grid.mark();
    if (!this.count) app.grid.focus(from); // the button that was pressed is gone
  }

  async exportThem() {
    try {
      await this.app.server.download("csv", this.meant(), "images.csv");
    } catch (error) {
      this.app.say(messageOf(error));
    }
  }

  draw() {
    const { app, count } = this;
    this.element.hidden = !count;
    if (!count) return;
    const total = app.list.total || 0;
    const disabled = this.busy;
    const settle = h(
      "select",
      { name: "settle-as", disabled, "aria-label": "Settle the chosen images as", onChange: () => (this.settleAs = settle.value) },
      h("option", { value: "" }, "settle as …"),
      app.data.classes.map((c) => h("option", { value: c, selected: c === this.settleAs }, c)),
    );
    const tag = h("input", {
      name: "tag",
      disabled,
      maxLength: 60,
      placeholder: "tag",
      "aria-label": "Tag",
      value: this.typed,
      onInput: () => (this.typed = tag.value),
      onKeydown: (/** @type {KeyboardEvent} */ e) => e.key === "Enter" && !e.isComposing && this.tag("tag", tag.value),
    });
    /** @type {(name: string, text: string, act: () => void, title?: string) => HTMLElement} */
    const button = (name, text, act, title) => h("button", { class: "ga-button", name, disabled, title, onClick: act }, text);
    redraw(
      this.element,
      h("b", { role: "status" }, `${whole(count)} chosen`),
      this.all || count >= total ? null : h("button", { class: "ga-link", name: "all-of-view", onClick: () => this.chooseAll() }, `choose all ${whole(total)} of the view`),
      h("button", { class: "ga-link", name: "none", onClick: () => this.clear() }, "choose none"),
      h("span", { class: "ga-grow" }),
      h("span", { class: "ga-tagging" }, settle, button("settle-many", "settle", () => this.settle())),
      button("skip-many", "skip", () => this.act("skip", "")),
      h("span", { class: "ga-tagging" }, tag, button("add-tag", "add", () => this.tag("tag", tag.value)), button("remove-tag", "remove", () => this.tag("untag", tag.value))),
      button("bookmark", "bookmark", () => this.act("tag", BOOKMARK)),
      button("second-opinion", "second opinion", () => this.act("tag", SECOND_OPINION), "Another reviewer gets them in the queue, when they are settled"),
      button("set-aside", "set aside", () => this.act("tag", SET_ASIDE), "In no list until this tag is asked for; left out of refits and of exported tables"),
      button("export-many", "CSV", () => this.exportThem(), "Save the list of these images, with labels and tags"),
    );
  }

  settle() {
    if (this.settleAs) this.act("settle", this.settleAs);
    else this.app.say("Choose a class first.");
  }

  /**
   * @param {"tag" | "untag"} kind
   * @param {string} tag
   */
  tag(kind, tag) {
    if (tag.trim()) this.act(kind, tag.trim());
    else this.app.say("Write a tag first.");
  }
}

/**
 * @param {number} a
 * @param {number} b
 */
const between = (a, b) => Array.from({ length: Math.abs(a - b) + 1 }, (_, i) => Math.min(a, b) + i);

/**
 * What was done, in words.
 * @param {string} kind
 * @param {string} value
 * @param {Acted} acted
 */
function resultOf(kind, value, { images, changed }) {
  const left = clamp(images - changed, 0, images);
  const did = { settle: `settled as ${value}`, skip: "skipped", tag: `tagged “${value}”`, untag: `no longer tagged “${value}”` }[kind];
  const why = kind === "settle" || kind === "skip" ? "were decided before and stay as they are" : "were so before";
  return `${whole(changed)} ${changed === 1 ? "image" : "images"} ${did}.` + (left ? ` ${whole(left)} ${why}.` : "");
}
