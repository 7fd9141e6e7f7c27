// @ts-check
// What was done, by whom, each of which can be taken back; and the report of what settling showed.

import { counted, h, messageOf, named, redraw, when, whole } from "./core.js";

/** @import { Gallery } from "./main.js" */
/** @import { PastAction } from "./types.js" */

export class History {
  /** @param {Gallery} app */
  constructor(app) {
    this.app = app;
    this.list = h("ul", { class: "ga-history-list" });
    this.note = h("p", { class: "ga-quiet", role: "status" });
    this.closer = h("button", { class: "ga-button primary", name: "close-history", onClick: () => this.element.close() }, "Close");
    this.element = h(
      "dialog",
      { class: "ga-keys ga-history", "aria-label": "History", onClose: () => this.leave() },
      h("h2", {}, "What settling showed"),
      h("p", { class: "ga-quiet" }, "For each pair of coders and each class: whose label was confirmed, with intervals, images and a sentence for the guideline."),
      h("div", { class: "ga-row" }, this.reports()),
      h("h2", {}, "What was done"),
      this.note,
      this.list,
      this.closer,
    );
  }

  // Buttons that save what settling showed.
  reports() {
    const button = (/** @type {string} */ suffix, /** @type {string} */ text) => h("button", { class: "ga-button", name: `report${suffix}`, onClick: () => this.report(suffix) }, text);
    return [button(".html", "Report as HTML"), button(".csv", "as CSV")];
  }

  async open() {
    this.element.showModal();
    await this.load();
  }

  // What was undone drew the button anew that the browser would give the focus back to.
  leave() {
    /** @type {HTMLElement | null} */ (this.app.body.querySelector('[name="history"]'))?.focus({ preventScroll: true });
  }

  async load() {
    try {
      /** @type {{ actions: PastAction[] }} */
      const { actions } = await this.app.server.json("history");
      this.note.textContent = actions.length ? "" : "Nothing was settled or tagged yet.";
      redraw(this.list, actions.map((a) => this.line(a)));
    } catch (error) {
      this.note.textContent = messageOf(error);
    }
  }

  /** @param {PastAction} a */
  line(a) {
    const many = a.images === 1 ? named(a.first) : `${whole(a.images)} images`;
    const did = { settle: ["settled ", many, " as ", named(a.value)], skip: ["skipped ", many], tag: ["tagged ", many, " “", named(a.value), "”"], untag: ["took the tag “", named(a.value), "” from ", many] }[a.kind];
    const undo = h("button", { class: "ga-button", dataset: { key: `undo:${a.key}` }, "aria-label": `Undo: ${a.kind} ${a.value}, ${counted(a.images, "image")}`, onClick: () => this.undo(a.key) }, "Undo");
    return h("li", { class: a.undone ? "undone" : "" }, h("span", {}, named(a.by || "Somebody"), " ", did, " "), h("span", { class: "ga-quiet ga-when" }, when(a.at)), a.undone ? h("span", { class: "ga-quiet" }, "undone") : undo);
  }

  /** @param {string} key of the action */
  async undo(key) {
    const { app } = this;
    try {
      const { undone } = await app.server.post("undo", { key, reviewer: app.many.reviewer() });
      await app.changed();
      app.say(undone ? "It was taken back." : "It had been taken back before.");
      if (!this.element.open) return;
      await this.load();
      this.closer.focus({ preventScroll: true }); // the button that was pressed is gone
    } catch (error) {
      app.say(messageOf(error));
      this.note.textContent = messageOf(error);
    }
  }

  /** @param {string} suffix */
  async report(suffix) {
    try {
      await this.app.server.download("report", { suffix }, `settled${suffix}`);
    } catch (error) {
      this.app.say(messageOf(error));
      this.note.textContent = messageOf(error);
    }
  }
}
