// @ts-check
// Coders beside each other: how often each two agree, those who label alike side by side, and what is known of one.

import { arrowKey, reached } from "./arrows.js";
import { ANYTHING } from "./constants.js";
import { counted, h, named, pairOf, percent, redraw, share, whole } from "./core.js";
import { Latest } from "./latest.js";

/** @import { Gallery } from "./main.js" */
/** @import { CoderFacts, CodersCompared, Counted } from "./types.js" */

const MOST_TEXTS = 8; // coders up to which a cell has room for its number

export class Coders {
  /** @param {Gallery} app */
  constructor(app) {
    this.app = app;
    this.latest = /** @type {Latest<CodersCompared>} */ (new Latest(app, "coders"));
    this.asked = /** @type {Latest<CoderFacts>} */ (new Latest(app, "coders/of"));
    /** @type {CodersCompared | null} */
    this.compared = null;
    this.chosen = "";
    /** @type {CoderFacts | null} */
    this.facts = null;
    this.message = "";
    this.matrix = h("div", {});
    this.about = h("div", { class: "ga-coder", role: "status" });
    this.element = h("section", { class: "ga-matrix ga-agree", "aria-label": "Coders" }, h("h2", {}, "Coders"), this.matrix, this.about);
  }

  // What the coders said does not change with the view: it is asked for once, when somebody looks at it.
  load() {
    if (this.app.dock.shown !== "coders") return;
    if (this.compared) {
      this.draw();
      return;
    }
    this.latest.ask({}, (compared) => {
      this.compared = compared;
      this.draw();
    }, (message) => this.say(message));
  }

  /** @param {string} message */
  say(message) {
    this.message = message;
    this.draw();
  }

  /** @param {string} coder */
  choose(coder) {
    this.chosen = this.chosen === coder ? "" : coder;
    this.facts = null;
    this.draw();
    if (!this.chosen) return;
    this.asked.ask({ coder }, (facts) => {
      this.facts = facts;
      this.draw();
      this.about.scrollIntoView({ block: "nearest" });
    }, (message) => this.say(message));
  }

  draw() {
    const { compared } = this;
    const [left, top] = this.scrolled();
    redraw(this.matrix, this.message ? h("p", { class: "ga-quiet" }, this.message) : null, compared ? this.table(compared) : null);
    redraw(this.about, this.chosen ? this.panel() : null);
    const far = this.matrix.querySelector(".ga-far");
    if (far) Object.assign(far, { scrollLeft: left, scrollTop: top });
  }

  // How far the table of many coders is scrolled.
  scrolled() {
    const far = this.matrix.querySelector(".ga-far");
    return far ? [far.scrollLeft, far.scrollTop] : [0, 0];
  }

  /** @param {CodersCompared} compared */
  table({ coders, left_out: leftOut, group, shared }) {
    const { app } = this;
    const at = reached(this.matrix, coders.length > 1 ? "agree:0:1" : "");
    const tag = (/** @type {string} */ id) => app.data.coders.find((c) => c.id === id)?.short ?? id;
    const short = (/** @type {string} */ id) => named(tag(id));
    const begins = (/** @type {number} */ n) => n > 0 && group[n] !== group[n - 1];
    const groups = new Set(group.filter((n) => n >= 0)).size;
    const head = h("tr", {}, h("td", {}), coders.map((c, n) => h("th", { scope: "col", class: begins(n) ? "begins" : "", title: app.coderName(c) }, short(c))));
    const body = coders.map((c, row) =>
      h(
        "tr",
        { class: begins(row) ? "begins" : "" },
        h(
          "th",
          { scope: "row" },
          h("button", { class: "ga-link", title: app.coderName(c), "aria-pressed": String(this.chosen === c), "aria-label": `${tag(c)}, ${app.coderName(c)}: what its labels show`, dataset: { key: `coder:${c}` }, onClick: () => this.choose(c) }, short(c)),
        ),
        coders.map((_, column) => h("td", { class: begins(column) ? "begins" : "" }, row === column ? null : this.cell(row, column, at))),
      ),
    );
    const apart = !shared.some((row, a) => row.some((n, b) => n > 0 && a !== b));
    const caption = [
      "How often two coders agree on images that both labelled; those who label alike stand together",
      groups > 1 ? `, in ${groups} groups` : "",
      ". A cell shows the images on which they differ, a name what the coder’s labels show.",
      apart ? " No two of these coders labelled the same image, so nothing is known of their agreement." : "",
      leftOut ? ` Left out: ${counted(leftOut, "coder")} with fewer labels.` : "",
    ].join("");
    const many = coders.length > MOST_TEXTS;
    const table = h("table", { "aria-describedby": "about-agree", onKeydown: (/** @type {KeyboardEvent} */ e) => arrowKey(this.matrix, e, coders.length - 1) }, head, body);
    return h("div", { class: "ga-cells" + (many ? " many" : "") }, h("p", { class: "ga-quiet", id: "about-agree" }, caption), many ? h("div", { class: "ga-far" }, table) : table);
  }

  /**
   * @param {number} row
   * @param {number} column
   * @param {string} at the cell that the keyboard reaches
   */
  cell(row, column, at) {
    const { app } = this;
    const { coders, agreement, shared } = /** @type {CodersCompared} */ (this.compared);
    const [a, b] = [coders[row], coders[column]];
    const agree = agreement[row][column];
    const pair = pairOf(a, b);
    const on = [pair, pairOf(b, a)].includes(app.view.pair) && app.view.labels === "differ";
    const much = agree === null ? `${counted(shared[row][column], "image")} in common, too few to tell` : `agree on ${percent(agree)} of ${counted(shared[row][column], "image")}`;
    const text = `${app.coderName(a)} and ${app.coderName(b)}: ${much}`;
    const key = `agree:${row}:${column}`;
    return h(
      "button",
      {
        class: "ga-cell" + (on ? " on" : ""),
        style: { backgroundColor: agree === null ? "" : `color-mix(in srgb, var(--st-primary-color) ${Math.round(4 + 56 * agree)}%, transparent)` },
        title: text,
        "aria-label": text,
        "aria-pressed": String(on),
        tabIndex: key === at ? 0 : -1,
        dataset: { key, row: String(row), column: String(column) },
        onClick: () => app.set(on ? { pair: "", labels: "" } : { pair, labels: "differ" }),
      },
      coders.length > MOST_TEXTS || agree === null ? "" : String(Math.round(100 * agree)),
    );
  }

  panel() {
    const { app, chosen, facts } = this;
    const says = app.data.truth ? "the learned truth" : "what most others say";
    const title = h("h3", {}, named(app.coderName(chosen)));
    if (!facts) return [title, h("p", { class: "ga-quiet" }, "…")];
    const [first, second] = facts.halves;
    const within = (/** @type {Counted} */ x) => (x.share === null ? "–" : `${percent(x.share)} (${percent(x.low)} to ${percent(x.high)})`);
    const person = !app.data.coders.find((c) => c.id === chosen)?.machine;
    return [
      title,
      h("p", {}, `${counted(facts.annotations, "label")}; ${within(facts.right)} of ${whole(facts.right.items)} are ${says}.`),
      h("div", { class: "ga-drift", "aria-hidden": "true" }, facts.parts.map((part) => h("i", { title: within(part), style: { height: share(part.share ?? 0) } }))),
      h("p", {}, `In the order of the images: ${within(first)} in the first half, ${within(second)} in the second`, facts.drifts ? ", a change beyond chance." : ", no change beyond chance."),
      h(
        "div",
        { class: "ga-row" },
        person ? h("button", { class: "ga-link", name: "alone", disabled: !facts.alone, onClick: () => app.set({ alone: chosen }) }, `alone with its label: ${counted(facts.alone, "image")}`) : null,
        h("button", { class: "ga-link", name: "labelled", onClick: () => app.set({ [`says.${chosen}`]: ANYTHING }) }, "all that it labelled"),
        app.data.truth ? h("button", { class: "ga-link", name: "its-matrix", onClick: () => app.transitions.show(chosen) }, "its matrix") : null,
      ),
    ];
  }
}
