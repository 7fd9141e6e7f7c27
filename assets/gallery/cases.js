// @ts-check
// The five cases for every pair of coders and every origin, as bars that choose what the list shows.

import { ANYTHING } from "./constants.js";
import { h, joinNames, named, pairOf, redraw, whole } from "./core.js";
import { Latest } from "./latest.js";

/** @import { Gallery } from "./main.js" */
/** @import { AgainstTruth, CaseBar, CaseCounts } from "./types.js" */
/** @typedef {string | HTMLElement | (string | HTMLElement)[]} Texts */
/** @typedef {{ n: number, count: number, text: string, on: boolean, pick: () => void }} Part n: the case whose colour it has */

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
    this.element = h("section", { class: "ga-cases", "aria-label": app.data.pairs.length ? "The five cases" : "Labels against the learned truth" });
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
      this.drawAgainst(counts.against);
      return;
    }
    const key = CASE_ORDER.map((n) =>
      h("span", { class: "ga-keyed" }, h("i", { class: `ga-case${n}` }), caseText(app, n)),
    );
    const rows = bars.map((c) => this.bar(c));
    const cut = counts.pairs > 15 ? h("span", { class: "ga-quiet" }, `15 of ${whole(counts.pairs)} pairs: people first, then those that met most`) : null;
    redraw(
      this.element,
      h("h2", {}, "The five cases"),
      h("p", { class: "ga-quiet" }, "Two labels and the learned truth, in % of the images that both labelled. A part shows its images."),
      h("div", { class: "ga-key" }, key),
      h("div", { class: "ga-bars" }, rows),
      h("div", { class: "ga-row" }, this.more(counts.cases.length), cut),
    );
  }

  // Where no two coders labelled one image: the labels of each against the learned truth.
  /** @param {AgainstTruth[]} coders */
  drawAgainst(coders) {
    const keyed = (/** @type {number} */ n, /** @type {string} */ text) => h("span", { class: "ga-keyed" }, h("i", { class: `ga-case${n}` }), text);
    redraw(
      this.element,
      h("h2", {}, "Labels against the truth"),
      h("p", { class: "ga-quiet" }, coders.length ? "No image here has labels of two coders. The labels of each, in %. A part shows its images." : "No image here has a label."),
      coders.length ? h("div", { class: "ga-key" }, keyed(1, "the learned truth"), keyed(2, "another class")) : null,
      h("div", { class: "ga-bars" }, (this.all ? coders : coders.slice(0, MOST_BARS)).map((c) => this.barAgainst(c))),
      h("div", { class: "ga-row" }, this.more(coders.length)),
    );
  }

  /** @param {AgainstTruth} c */
  barAgainst({ coder, items, same }) {
    const { app } = this;
    const name = app.coderName(coder);
    const chosen = app.view[`says.${coder}`] === ANYTHING;
    /** @type {(against: string) => () => void} */
    const pick = (against) => () => {
      const says = Object.fromEntries(Object.keys(app.view).filter((n) => n.startsWith("says.") && app.view[n] === ANYTHING).map((n) => [n, ""]));
      const again = chosen && (app.view.against || "") === against;
      app.set(again ? { ...says, against: "" } : { ...says, [`says.${coder}`]: ANYTHING, against });
    };
    const parts = [
      { n: 1, against: "same", count: same, text: "the learned truth" },
      { n: 2, against: "other", count: items - same, text: "another class" },
    ].filter(({ count }) => count);
    return barOf({
      key: `against:${coder}`,
      chosen,
      pick: pick(""),
      title: named(name),
      below: "× truth",
      items,
      parts: parts.map(({ n, against, count, text }) => ({ n, count, text: `${text}, ${name}`, on: chosen && app.view.against === against, pick: pick(against) })),
    });
  }

  // Of many bars the first are shown until all are asked for.
  /** @param {number} bars */
  more(bars) {
    if (bars <= MOST_BARS) return null;
    const onClick = () => {
      this.all = !this.all;
      this.draw();
    };
    return h("button", { class: "ga-link", name: "all", onClick }, this.all ? "show fewer" : `show ${whole(bars - MOST_BARS)} more`);
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
    const many = c.origin.split("+").length;
    const who = many > 4 ? `${many} coders’ images` : [named(c.origin), "’s images"];
    const origin = c.origin === "unlabelled" ? "unlabelled images" : who;
    const both = [named(app.coderName(c.first)), " × ", named(app.coderName(c.second))].flat();
    return barOf({
      key: `${pair}:${c.origin}`,
      chosen,
      pick: pick(0),
      title: c.origin ? origin : both,
      below: c.origin ? [...both, " × truth"] : "× truth",
      items: c.items,
      parts: CASE_ORDER.filter((n) => c.cases[n - 1]).map((n) => ({ n, count: c.cases[n - 1], text: plainCase(app, n, c.first, c.second), on: chosen && app.view.case === String(n), pick: pick(n) })),
    });
  }
}

/**
 * A bar whose parts choose images.
 * @param {{ key: string, chosen: boolean, pick: () => void, title: Texts, below: Texts, items: number, parts: Part[] }} bar
 */
function barOf({ key, chosen, pick, title, below, items, parts }) {
  const buttons = parts.map(({ n, count, text, on, pick: choose }) => {
    const part = count / items;
    const about = `${Math.round(100 * part)} % – ${text}: ${whole(count)} images`;
    return h(
      "button",
      {
        class: `ga-part ga-case${n}` + (on ? " on" : ""),
        style: { flexGrow: String(Math.max(part, 0.004)) },
        dataset: { key: `${key}:${n}` },
        "aria-pressed": String(on),
        title: about,
        "aria-label": about,
        onClick: choose,
      },
      part >= 0.09 ? String(Math.round(100 * part)) : "",
    );
  });
  return h(
    "div",
    { class: "ga-bar" + (chosen ? " on" : "") },
    h("button", { class: "ga-who", onClick: pick, title: "show these images", dataset: { key } }, h("b", {}, title), h("span", {}, below)),
    h("div", { class: "ga-parts" }, buttons),
    h("span", { class: "ga-n" }, whole(items)),
  );
}
