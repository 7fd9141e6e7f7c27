// @ts-check
// The filters of a view, each with what can be chosen and how many images that would show. Every choice lives in the address.

import { chosenOf, facets, toggled, written } from "./choices.js";
import { ANYTHING } from "./constants.js";
import { h, named, pairOf, redraw, whole } from "./core.js";
import { Latest } from "./latest.js";
import { SavedViews } from "./saved.js";

/** @import { Facet } from "./choices.js" */
/** @import { Gallery } from "./main.js" */
/** @import { Facets as Counts } from "./types.js" */

const MARGIN = { "": "any", "0-0.1": "below 10 points", "0-0.3": "below 30 points", "0.3-0.7": "30 to 70 points", "0.7-1": "70 points or more" };
const TOPS = { "": "all", 100: "the first 100", 400: "the first 400", 1000: "the first 1,000" };
const MOST_CODERS_INLINE = 4;
const TYPING = 350; // ms without a key before a search is asked for

export class Facets {
  /** @param {Gallery} app */
  constructor(app) {
    this.app = app;
    this.latest = /** @type {Latest<Counts>} */ (new Latest(app, "facets"));
    /** @type {Counts["facets"]} */
    this.counts = {};
    /** @type {Map<string, boolean>} */
    this.open = new Map(); // filter → whether somebody unfolded it
    /** @type {string[]} */
    this.added = []; // coders that were given a filter
    this.saved = new SavedViews(app);
    this.search = this.searchField();
    this.choices = h("div", { class: "ga-facets" });
    this.element = h("section", { class: "ga-filters", "aria-label": "Filters" }, this.choices);
  }

  load() {
    return this.latest.ask(this.app.wish(), (answer, turn) => {
      this.counts = answer.facets;
      this.element.dataset.version = String(turn);
      this.draw();
      this.app.distributions.load();
    });
  }

  searchField() {
    const { app } = this;
    /** @type {number | undefined} */
    let soon;
    const field = h("input", {
      type: "search",
      name: "search",
      maxLength: 200,
      placeholder: "search by name",
      "aria-label": "Search by name",
      value: app.view.search || "",
      onInput: () => {
        clearTimeout(soon);
        soon = setTimeout(() => app.set({ search: field.value }), TYPING);
      },
      onChange: () => {
        clearTimeout(soon);
        app.set({ search: field.value });
      },
    });
    return field;
  }

  draw() {
    const { app } = this;
    const { view } = app;
    const root = /** @type {Document | ShadowRoot} */ (this.search.getRootNode());
    if (root.activeElement !== this.search) this.search.value = view.search || "";
    const coders = this.coders();
    const groups = facets(app, coders).map((facet) => this.group(facet));
    const labelling = app.data.coders.filter((c) => !c.given);
    redraw(
      this.choices,
      h("div", { class: "ga-fields" }, this.field("sort", "Order", app.data.sorts, app.data.sort), this.field("top", "How many", TOPS)),
      h("div", { class: "ga-row" }, h("button", { class: "ga-link", name: "history", onClick: () => app.history.open() }, "history"), this.shuffle(), h("span", { class: "ga-grow" }), this.saved.draw(() => this.draw())),
      groups,
      h(
        "div",
        { class: "ga-fields" },
        labelling.length > MOST_CODERS_INLINE ? this.addCoder(coders) : null,
        this.pairs(),
        app.data.truth ? this.field("margin", "Lead over the next class", MARGIN) : null,
      ),
    );
  }

  coders() {
    const { data, view } = this.app;
    const labelling = data.coders.filter((c) => !c.given).map((c) => c.id);
    const asked = data.coders.map((c) => c.id).filter((id) => `says.${id}` in view);
    return [...new Set([...(labelling.length <= MOST_CODERS_INLINE ? labelling : []), ...this.added, ...asked])];
  }

  /** @param {Facet} facet */
  group(facet) {
    const { app } = this;
    const counts = this.counts[facet.name] || {};
    const values = facet.values.length ? facet.values : Object.keys(counts).map((v) => /** @type {[string, string]} */ ([v, v]));
    const chosen = chosenOf(app.view, facet.name);
    for (const value of chosen) if (!values.some(([v]) => v === value) && value !== ANYTHING) values.push([value, value]);
    if (!values.length) return null;
    const isSet = app.view[facet.name] !== undefined;
    const details = h(
      "details",
      {
        class: "ga-facet" + (isSet ? " set" : ""),
        open: this.open.get(facet.name) ?? (isSet || facet.open),
        dataset: { filter: facet.name },
        onToggle: () => this.open.set(facet.name, details.open),
      },
      // The toggle comes later: counts that come before it would draw the group as it was.
      h("summary", { dataset: { key: `fold:${facet.name}` }, onClick: () => this.open.set(facet.name, !details.open) }, named(facet.title), isSet ? h("span", { class: "ga-set" }, whole(chosen.length)) : null),
      h(
        "div",
        { class: "ga-choices", role: "group", "aria-label": facet.title },
        values.map(([value, text]) => this.choice(facet, value, text, counts[value], chosen)),
      ),
    );
    return details;
  }

  /**
   * @param {Facet} facet
   * @param {string} value
   * @param {string} text
   * @param {number | undefined} count
   * @param {string[]} chosen
   */
  choice(facet, value, text, count, chosen) {
    const { app } = this;
    const checked = chosen.includes(value) || (facet.name === "split" && chosen.includes(ANYTHING));
    const box = h("input", {
      type: "checkbox",
      value,
      checked,
      dataset: { filter: facet.name, key: `${facet.name}=${value}` },
      onChange: () => app.set(this.change(facet, value)),
    });
    return h(
      "label",
      { class: "ga-choice" + (count === 0 && !checked ? " none" : "") },
      box,
      h("span", {}, named(text)),
      h("span", { class: "ga-n" }, count === undefined ? "" : whole(count)),
    );
  }

  /**
   * @param {Facet} facet
   * @param {string} value
   */
  change(facet, value) {
    const { view } = this.app;
    if (facet.name !== "split" || view.split !== ANYTHING) return toggled(view, facet, value);
    const all = facet.values.map(([v]) => v); // all are chosen: one is taken away
    return { split: written("split", all.filter((v) => v !== value)) };
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
    const select = h(
      "select",
      { name, onChange: () => app.set({ [name]: select.value === fallback ? "" : select.value }) },
      // A number-like key would come first in an object: the empty choice is put there by hand.
      [...new Set([fallback, ...Object.keys(texts)])].map((v) => h("option", { value: v, selected: v === value }, texts[v])),
    );
    return h("label", { class: "ga-field" + (value !== fallback ? " set" : "") }, h("span", {}, named(label)), select);
  }

  pairs() {
    const { app } = this;
    if (!app.data.pairs.length) return null;
    /** @type {Record<string, string>} */
    const pairs = { "": "any two labels" };
    for (const [a, b] of app.data.pairs) pairs[pairOf(a, b)] = `${app.coderName(a)} – ${app.coderName(b)}`;
    return this.field("pair", "Pair of coders", pairs);
  }

  /** @param {string[]} here the coders that have a filter */
  addCoder(here) {
    const { app } = this;
    const options = app.data.coders.filter((c) => !here.includes(c.id));
    const select = h(
      "select",
      {
        name: "coder",
        onChange: () => {
          if (!select.value) return;
          this.added.push(select.value);
          this.open.set(`says.${select.value}`, true);
          app.set({ [`says.${select.value}`]: ANYTHING });
          this.draw();
        },
      },
      h("option", { value: "" }, "choose a coder …"),
      options.map((c) => h("option", { value: c.id }, c.name)),
    );
    return h("label", { class: "ga-field" }, h("span", {}, "What a coder says"), select);
  }

  shuffle() {
    const { app } = this;
    if (app.view.sort !== "random") return null;
    const again = () => app.set({ seed: String(1 + Math.floor(Math.random() * 1e6)) });
    return h("button", { class: "ga-link", name: "shuffle", onClick: again }, "shuffle again");
  }
}
