// @ts-check
// What the short names of coders and classes and the marks on the cards mean.

import { h, named } from "./core.js";

/** @import { Gallery } from "./main.js" */

const IN_SIGHT = 24; // names; with more the legend scrolls

/** @param {Gallery} app */
export function legendOf(app) {
  const { coders, codes, classes, truth } = app.data;
  /** @type {(short: string, name: string) => HTMLElement} */
  const keyed = (short, name) => h("span", { class: "ga-keyed" }, h("b", {}, named(short)), named(name));
  const marks = [
    keyed("LT", "learned truth"),
    h("span", { class: "ga-keyed" }, h("span", { class: "ga-chip yes" }, "="), "the same as the learned truth"),
    h("span", { class: "ga-keyed" }, h("span", { class: "ga-chip no" }, "≠"), "another class"),
  ];
  return h(
    "div",
    {
      class: "ga-legend",
      role: "group",
      "aria-label": "What the short names mean",
      tabIndex: coders.length + classes.length > IN_SIGHT ? 0 : undefined,
    },
    h("div", { class: "ga-key" }, coders.filter((c) => !c.given).map((c) => keyed(c.short, c.name)), truth && marks),
    h("div", { class: "ga-key" }, classes.map((c, k) => keyed(codes[k], c))),
  );
}
