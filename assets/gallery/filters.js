// @ts-check
// The filters of a view. Every choice lives in the address; what is chosen stands below as chips.

import { CASE_ORDER, plainCase } from "./cases.js";
import { ANYTHING, NOTHING, VIEW_NAME } from "./constants.js";
import { coders2, h, named, pairOf, redraw } from "./core.js";

/** @import { Gallery } from "./main.js" */
/** @import { Coder, View } from "./types.js" */

const CONFIDENCE = { "": "any", "0.9-1": "90 % or more", "0.7-0.9": "70 to 90 %", "0.5-0.7": "50 to 70 %", "0-0.5": "below 50 %" };
const MARGIN = { "": "any", "0-0.1": "below 10 points", "0-0.3": "below 30 points", "0.3-0.7": "30 to 70 points", "0.7-1": "70 points or more" };
const REVIEWED = { "": "settled or not", open: "not yet settled", settled: "settled", skipped: "skipped" };
const TOPS = { "": "all", 100: "the first 100", 400: "the first 400", 1000: "the first 1,000" };
const MOST_CODERS_INLINE = 4;

/**
 * What a choice of a list does.
 * @param {(value: string) => void} act
 */
const chosen = (act) => (/** @type {Event} */ event) => act(/** @type {HTMLSelectElement} */ (event.target).value);

export class Filters {
  /** @param {Gallery} app */
  constructor(app) {
    this.app = app;
    this.element = h("section", { class: "ga-filters", "aria-label": "Filters" });
    this.more = false;
    this.naming = false;
  }

  draw() {
    const { app } = this;
    const { data, view } = app;
    const classes = Object.fromEntries([["", "any class"], ...data.classes.map((c, k) => [c, `${c} (${data.codes[k]})`])]);
    const says = {
      "": "anything or nothing",
      [ANYTHING]: "any class",
      ...Object.fromEntries(data.classes.map((c, k) => [c, `${c} (${data.codes[k]})`])),
      [NOTHING]: "nothing",
    };
    /** @type {Record<string, string>} */
    const pairs = { "": "any two labels" };
    for (const [a, b] of data.pairs) pairs[pairOf(a, b)] = `${app.coderName(a)} – ${app.coderName(b)}`;
    const [first, second] = coders2(view.pair);
    /** @type {Record<string, string>} */
    const cases = { "": "any case", differ: "the two labels differ" };
    for (const n of CASE_ORDER) cases[n] = plainCase(app, n, first, second);
    const origins = { "": "anywhere", ...Object.fromEntries(data.origins.map((o) => [o, o])) };
    const spoken = data.coders.filter((c) => `says.${c.id}` in view);
    const labelling = data.coders.filter((c) => !c.given);
    const inline = labelling.length <= MOST_CODERS_INLINE ? [...new Set([...labelling, ...spoken])] : spoken;
    const fields = [
      this.field("pair", "Pair of coders", pairs),
      this.field("case", "Case", cases),
      ...inline.map((c) => this.field(`says.${c.id}`, `${c.name} says`, says)),
      labelling.length > MOST_CODERS_INLINE ? this.addCoder(inline) : null,
      this.field("truth", "Learned truth", classes),
      this.field("confidence", "Confidence", CONFIDENCE),
      this.field("origin", "Labelled by", origins),
      this.field("reviewed", "Settled", REVIEWED),
      this.field("sort", "Order", data.sorts, "unsure"),
    ];
    const rest = [
      this.field("network", "Truth by the image alone", classes),
      this.field("known", "Known truth", classes),
      this.field("margin", "Lead over the next class", MARGIN),
      data.splits.length > 1
        ? this.field("split", "Images", {
            "": "learned from",
            ...Object.fromEntries(data.splits.filter(Boolean).map((s) => [s, s === "test" ? "test images" : `test set ${s}`])),
            [ANYTHING]: "all",
          })
        : null,
      this.field("top", "How many", TOPS),
    ];
    const open = this.more || ["network", "known", "margin", "split", "top"].some((name) => view[name]);
    redraw(
      this.element,
      h("div", { class: "ga-fields" }, fields, open ? rest : null),
      h(
        "div",
        { class: "ga-row" },
        open
          ? null
          : h("button", { class: "ga-link", name: "more", onClick: () => ((this.more = true), this.draw()) }, "more filters"),
        view.sort === "random"
          ? h(
              "button",
              { class: "ga-link", name: "shuffle", onClick: () => app.set({ seed: String(1 + Math.floor(Math.random() * 1e6)) }) },
              "shuffle again",
            )
          : null,
        Object.keys(view).some((k) => k !== "item" && k !== "at")
          ? h("button", { class: "ga-link", onClick: () => app.set(null) }, "clear all")
          : null,
        h("span", { class: "ga-grow" }),
        this.saved(),
      ),
    );
  }

  /**
   * @param {string} name
   * @param {string} label
   * @param {Record<string, string>} options value and text
   * @param {string} [fallback] the value of a filter that is not set
   */
  field(name, label, options, fallback = "") {
    const { app } = this;
    const value = app.view[name] || fallback;
    const texts = value in options ? options : { ...options, [value]: value };
    return h(
      "label",
      { class: "ga-field" + (value !== fallback ? " set" : "") },
      h("span", {}, named(label)),
      h(
        "select",
        { name, onChange: chosen((picked) => app.set({ [name]: picked === fallback ? "" : picked })) },
        // A number-like key would come first in an object: the empty choice is put there by hand.
        [...new Set([fallback, ...Object.keys(texts)])].map((v) => h("option", { value: v, selected: v === value }, texts[v])),
      ),
    );
  }

  /** @param {Coder[]} inline the coders that have a filter */
  addCoder(inline) {
    const { app } = this;
    const here = new Set(inline.map((c) => c.id));
    const options = app.data.coders.filter((c) => !here.has(c.id));
    return h(
      "label",
      { class: "ga-field" },
      h("span", {}, "What a coder says"),
      h(
        "select",
        { name: "coder", onChange: chosen((coder) => coder && app.set({ [`says.${coder}`]: ANYTHING })) },
        h("option", { value: "" }, "choose a coder …"),
        options.map((c) => h("option", { value: c.id }, c.name)),
      ),
    );
  }

  saved() {
    const { app } = this;
    const views = app.data.saved;
    /** @type {(v: View) => string} */
    const plain = (v) => JSON.stringify(Object.entries(v).sort());
    const current = views.find((v) => plain(v.view) === plain(app.wish()));
    return h(
      "span",
      { class: "ga-saved" },
      views.length
        ? h(
            "select",
            {
              name: "saved",
              title: "Saved views",
              onChange: chosen((number) => number && app.set({ ...views[Number(number) - 1].view }, true)),
            },
            h("option", { value: "" }, `saved views (${views.length})`),
            views.map((v, i) => h("option", { value: String(i + 1), selected: v === current }, v.name)),
          )
        : null,
      current
        ? h("button", { class: "ga-link", onClick: () => app.tell({ kind: "forget", name: current.name }) }, "forget this view")
        : this.naming
          ? this.nameForm()
          : h("button", { class: "ga-link", onClick: () => this.name(true) }, "save this view"),
    );
  }

  /** @param {boolean} naming whether a view is given a name */
  name(naming) {
    this.naming = naming;
    this.draw();
    /** @type {HTMLInputElement | null} */ (this.element.querySelector(".ga-saved input"))?.focus();
  }

  nameForm() {
    const { app } = this;
    const field = h("input", {
      name: "name",
      maxLength: VIEW_NAME,
      placeholder: "name of the view",
      "aria-label": "Name of the view",
      onKeydown: (/** @type {KeyboardEvent} */ e) => e.key === "Escape" && this.name(false),
    });
    const save = (/** @type {Event} */ e) => {
      e.preventDefault();
      const name = field.value.trim();
      if (name) app.tell({ kind: "save", name, view: app.wish() });
      this.name(false);
    };
    return h("form", { class: "ga-row", onSubmit: save }, field, h("button", { class: "ga-button" }, "Save"));
  }
}
