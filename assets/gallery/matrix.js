// @ts-check
// Two columns of labels against each other; a cell filters the images, in the same view.

import { arrowKey, reached } from "./arrows.js";
import { chosenOf, written } from "./choices.js";
import { KNOWN, NETWORK, TRUTH } from "./constants.js";
import { h, named, percent, redraw, remember, remembered, whole } from "./core.js";
import { Latest } from "./latest.js";

/** @import { Gallery } from "./main.js" */
/** @import { LabelTable } from "./types.js" */

const LONGEST = 4; // characters of a count in a narrow cell

/** @type {Record<string, string>} */
const TITLES = { [TRUTH]: "learned truth", [NETWORK]: "truth by the image alone", [KNOWN]: "known truth" };
/** @type {Record<string, string>} */
const FILTERS = { [TRUTH]: "truth", [NETWORK]: "network", [KNOWN]: "known" };

/** @param {number} n */
const short = (n) => (String(n).length <= LONGEST ? String(n) : n < 1e6 ? `${Math.round(n / 1e3)}k` : `${(n / 1e6).toFixed(1)}M`);

export class Matrix {
  /** @param {Gallery} app */
  constructor(app) {
    this.app = app;
    this.latest = /** @type {Latest<LabelTable>} */ (new Latest(app, "table"));
    this.element = h("section", { class: "ga-matrix", "aria-label": "Labels against labels" });
    this.wide = false;
    /** @type {LabelTable | null} */
    this.table = null;
    this.message = "";
    const [rows, columns] = this.first();
    this.rows = rows;
    this.columns = columns;
  }

  // What was looked at last, or two that met.
  first() {
    const { columns, pairs, truth } = this.app.data;
    const before = remembered("ltnet-matrix").split("\n");
    if (before.length === 2 && before.every((name) => columns.includes(name)) && before[0] !== before[1]) return before;
    const coders = columns.filter((c) => ![TRUTH, NETWORK, KNOWN].includes(c));
    if (truth) return [TRUTH, coders[0] ?? KNOWN];
    return pairs[0] ?? (columns.includes(KNOWN) ? [KNOWN, coders[0]] : [coders[0], coders[1] ?? coders[0]]);
  }

  load() {
    if (this.app.data.columns.length < 2 || !this.rows || !this.columns) return undefined;
    const params = { ...this.app.wish(), rows: this.rows, columns: this.columns };
    return this.latest.ask(
      params,
      (table, turn) => {
        this.table = table;
        this.message = "";
        this.element.dataset.version = String(turn);
        this.draw();
      },
      (message) => {
        this.message = message;
        this.draw();
      },
    );
  }

  /** @param {string} column */
  title(column) {
    return TITLES[column] ?? this.app.coderName(column);
  }

  /** @param {string} column */
  filter(column) {
    return FILTERS[column] ?? `says.${column}`;
  }

  /**
   * @param {"rows" | "columns"} which
   * @param {string} label
   */
  select(which, label) {
    const select = h(
      "select",
      {
        name: `matrix-${which}`,
        "aria-label": label,
        onChange: () => {
          this[which] = select.value;
          remember("ltnet-matrix", `${this.rows}\n${this.columns}`);
          this.load();
        },
      },
      this.app.data.columns.map((c) => h("option", { value: c, selected: c === this[which] }, this.title(c))),
    );
    return select;
  }

  draw() {
    const { app, table } = this;
    if (!table) return;
    const chosen = [table.rows, table.columns].map((c) => chosenOf(app.view, this.filter(c)));
    const most = table.counts.map((row) => Math.max(row.reduce((a, b) => a + b, 0), 1));
    const head = h("tr", {}, h("td", {}), app.data.codes.map((code, k) => h("th", { scope: "col", title: app.data.classes[k] }, named(code))));
    const at = reached(this.element, "cell:0:0");
    const body = table.counts.map((row, k) =>
      h(
        "tr",
        {},
        h("th", { scope: "row", title: app.data.classes[k] }, named(app.data.codes[k])),
        row.map((n, l) => h("td", {}, this.cell(k, l, n, n / most[k], chosen, at))),
      ),
    );
    redraw(
      this.element,
      h("h2", {}, "Labels against labels"),
      h("div", { class: "ga-row ga-against" }, this.select("rows", "Rows"), h("span", {}, "×"), this.select("columns", "Columns")),
      this.message ? h("p", { class: "ga-quiet" }, this.message) : null,
      h("div", { class: "ga-cells" }, h("table", { onKeydown: (/** @type {KeyboardEvent} */ e) => arrowKey(this.element, e, app.data.classes.length - 1) }, h("caption", {}, "Images by ", named(this.title(table.rows)), " (rows) and ", named(this.title(table.columns)), " (columns). A cell shows its images."), head, body)),
    );
  }

  /**
   * @param {string} rows
   * @param {string} columns
   */
  compare(rows, columns) {
    [this.rows, this.columns] = [rows, columns];
    remember("ltnet-matrix", `${rows}\n${columns}`);
    this.app.dock.show("matrix");
    this.load();
  }

  /**
   * @param {number} k
   * @param {number} l
   * @param {number} n
   * @param {number} part of the row
   * @param {string[][]} chosen
   * @param {string} at the cell that the keyboard reaches
   */
  cell(k, l, n, part, chosen, at) {
    const { app } = this;
    const { classes } = app.data;
    const { rows: row, columns: column } = /** @type {LabelTable} */ (this.table);
    const on = chosen[0].length === 1 && chosen[0][0] === classes[k] && chosen[1].length === 1 && chosen[1][0] === classes[l];
    const text = `${this.title(row)} ${classes[k]}, ${this.title(column)} ${classes[l]}: ${whole(n)} images, ${percent(part)} of the row`;
    const key = `cell:${k}:${l}`;
    const pick = () =>
      app.set(on ? { [this.filter(row)]: "", [this.filter(column)]: "" } : { [this.filter(row)]: written("truth", [classes[k]]), [this.filter(column)]: written("truth", [classes[l]]) });
    return h(
      "button",
      {
        class: "ga-cell" + (k === l ? " same" : "") + (on ? " on" : ""),
        style: { backgroundColor: n ? `color-mix(in srgb, var(--st-primary-color) ${Math.round(8 + 52 * part)}%, transparent)` : "" },
        title: text,
        "aria-label": text,
        "aria-pressed": String(on),
        tabIndex: key === at ? 0 : -1,
        dataset: { key, row: String(k), column: String(l) },
        onClick: pick,
      },
      n ? short(n) : "",
    );
  }
}
