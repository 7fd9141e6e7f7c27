// @ts-check
// The five cases for every pair of coders and every origin, as bars that choose what the list shows.

import { h, joinNames, named, pairOf, redraw, whole } from "./core.js";
import { Latest } from "./latest.js";

/** @import { Gallery } from "./main.js" */
/** @import { CaseBar, CaseCounts } from "./types.js" */

export const CASE_ORDER = [1, 4, 5, 3, 2];
const MOST_BARS = 8;

/**
 * @param {Gallery} app
 * @param {number} number of the case
 * @param {string} [first] coder
 * @param {string} [second] coder
 * @returns {(string | HTMLElement)[]}
 */
export function caseText(app, number, first, second) {
  /** @type {Record<number, (string | HTMLElement)[]>} */
  const texts = {
    1: ["all agree"],
    2: ["all different"],
    3: ["labels agree, truth differs"],
    4: ["truth is what ", first ? named(app.coderName(first)) : "the first", " says"],
    5: ["truth is what ", second ? named(app.coderName(second)) : "the second", " says"],
  };
  return texts[number];
}

/**
 * @param {Gallery} app
 * @param {number} number of the case
 * @param {string} [first] coder
 * @param {string} [second] coder
 */
export const plainCase = (app, number, first, second) =>
  caseText(app, number, first, second)
    .map((part) => (part instanceof Node ? part.textContent : part))
    .join("");

export class Cases {
  /** @param {Gallery} app */
  constructor(app) {
    this.app = app;
    this.element = h("section", { class: "ga-cases", "aria-label": "The five cases" });
    this.all = false;
    /** @type {CaseCounts | null} */
    this.counts = null;
    this.latest = /** @type {Latest<CaseCounts>} */ (new Latest(app, "cases"));
  }

  load() {
    const { app } = this;
    return this.latest.ask(app.wish(), (answer, turn) => {
      this.counts = answer;
      this.element.dataset.version = String(turn);
      this.draw();
      app.counted(answer);
    });
  }

  draw() {
    const { app, counts } = this;
    if (!counts) return;
    const bars = this.all ? counts.cases : counts.cases.slice(0, MOST_BARS);
    if (!counts.cases.length) {
      redraw(this.element, h("p", { class: "ga-quiet" }, "No image here has labels of two coders."));
      return;
    }
    const key = CASE_ORDER.map((n) =>
      h("span", { class: "ga-keyed" }, h("i", { class: `ga-case${n}` }), caseText(app, n)),
    );
    const rows = bars.map((c) => this.bar(c));
    const hidden = counts.cases.length - bars.length;
    const more =
      hidden || this.all
        ? h(
            "button",
            {
              class: "ga-link",
              name: "all",
              onClick: () => {
                this.all = !this.all;
                this.draw();
              },
            },
            this.all ? "show fewer" : `show ${whole(hidden)} more`,
          )
        : null;
    const cut = counts.pairs > 15 ? h("span", { class: "ga-quiet" }, `the 15 of ${whole(counts.pairs)} pairs that met most`) : null;
    redraw(
      this.element,
      h("h2", {}, "The five cases"),
      h("p", { class: "ga-quiet" }, "Two labels and the learned truth, in % of the images that both labelled. A part shows its images."),
      h("div", { class: "ga-key" }, key),
      h("div", { class: "ga-bars" }, rows),
      h("div", { class: "ga-row" }, more, cut),
    );
  }

  /** @param {CaseBar} c */
  bar(c) {
    const { app } = this;
    const pair = pairOf(c.first, c.second);
    const written = c.origin ? joinNames([c.origin]) : "";
    const chosen = app.view.pair === pair && (app.view.origin || "") === written;
    /** @type {(number: number) => () => void} */
    const pick = (number) => () => {
      const same = chosen && String(number || "") === (app.view.case || "");
      app.set(
        same
          ? { pair: "", origin: "", case: "" }
          : { pair, origin: written, case: number ? String(number) : "" },
      );
    };
    const parts = CASE_ORDER.filter((n) => c.cases[n - 1]).map((n) => {
      const part = c.cases[n - 1] / c.items;
      const text = `${Math.round(100 * part)} % – ${plainCase(app, n, c.first, c.second)}: ${whole(c.cases[n - 1])} images`;
      return h(
        "button",
        {
          class: `ga-part ga-case${n}` + (chosen && app.view.case === String(n) ? " on" : ""),
          style: { flexGrow: String(Math.max(part, 0.004)) },
          dataset: { key: `${pair}:${c.origin}:${n}` },
          "aria-pressed": String(chosen && app.view.case === String(n)),
          title: text,
          "aria-label": text,
          onClick: pick(n),
        },
        part >= 0.09 ? String(Math.round(100 * part)) : "",
      );
    });
    const many = c.origin.split("+").length;
    const who = many > 4 ? `${many} coders’ images` : [named(c.origin), "’s images"];
    const origin = c.origin === "unlabelled" ? "unlabelled images" : who;
    const both = [named(app.coderName(c.first)), " × ", named(app.coderName(c.second))].flat();
    return h(
      "div",
      { class: "ga-bar" + (chosen ? " on" : "") },
      h(
        "button",
        { class: "ga-who", onClick: pick(0), title: "show these images", dataset: { key: `${pair}:${c.origin}` } },
        h("b", {}, c.origin ? origin : both),
        h("span", {}, c.origin ? [...both, " × truth"] : "× truth"),
      ),
      h("div", { class: "ga-parts" }, parts),
      h("span", { class: "ga-n" }, whole(c.items)),
    );
  }
}
