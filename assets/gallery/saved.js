// @ts-check
// Views that people gave a name.

import { VIEW_NAME } from "./constants.js";
import { h } from "./core.js";

/** @import { Gallery } from "./main.js" */
/** @import { View } from "./types.js" */

export class SavedViews {
  /** @param {Gallery} app */
  constructor(app) {
    this.app = app;
    this.naming = false;
    this.typed = ""; // as a name, which is drawn anew meanwhile
    /** @type {HTMLInputElement | null} */
    this.field = null;
  }

  /** @param {() => void} again draws what surrounds it */
  draw(again) {
    const { app } = this;
    const views = app.data.saved;
    /** @type {(v: View) => string} */
    const plain = (v) => JSON.stringify(Object.entries(v).sort());
    const current = views.find((v) => plain(v.view) === plain(app.wish()));
    const pick = h(
      "select",
      { name: "saved", title: "Saved views", "aria-label": "Saved views", onChange: () => pick.value && app.set({ ...views[Number(pick.value) - 1].view }, true) },
      h("option", { value: "" }, `saved views (${views.length})`),
      views.map((v, i) => h("option", { value: String(i + 1), selected: v === current }, v.name)),
    );
    const name = (/** @type {boolean} */ naming) => {
      this.naming = naming;
      this.typed = "";
      again();
      if (naming) this.field?.focus();
      else /** @type {HTMLElement | null} */ (app.body.querySelector('[data-key="view"]'))?.focus();
    };
    return h(
      "span",
      { class: "ga-saved" },
      views.length ? pick : null,
      current
        ? h("button", { class: "ga-link", name: "forget", dataset: { key: "view" }, onClick: () => app.tell({ kind: "forget", name: current.name }) }, "forget this view")
        : this.naming
          ? this.form(name)
          : h("button", { class: "ga-link", name: "save-view", dataset: { key: "view" }, onClick: () => name(true) }, "save this view"),
    );
  }

  /** @param {(naming: boolean) => void} name */
  form(name) {
    const { app } = this;
    const field = h("input", {
      name: "name",
      maxLength: VIEW_NAME,
      placeholder: "name of the view",
      "aria-label": "Name of the view",
      value: this.typed,
      onInput: () => (this.typed = field.value),
      onKeydown: (/** @type {KeyboardEvent} */ e) => e.key === "Escape" && !e.isComposing && name(false),
    });
    const save = (/** @type {Event} */ e) => {
      e.preventDefault();
      const text = field.value.trim();
      if (text) app.tell({ kind: "save", name: text, view: app.wish() });
      name(false);
    };
    this.field = field;
    return h("form", { class: "ga-row", onSubmit: save }, field, h("button", { class: "ga-button" }, "Save"));
  }
}
