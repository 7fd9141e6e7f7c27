// @ts-check
// Two columns of labels against each other; a cell filters the images, in the same view.

import { classTable, titleOf } from "./class_table.js";
import { KNOWN, NETWORK, TRUTH } from "./constants.js";
import { counted, h, named, percent, redraw, remember, remembered } from "./core.js";
import { Latest } from "./latest.js";

/** @import { Gallery } from "./main.js" */
/** @import { LabelTable } from "./types.js" */

const LONGEST = 4; // characters of a count in a narrow cell

/** @param {number} n */
const short = (n) => (String(n).length <= LONGEST ? String(n) : n < 1e6 ? `${Math.round(n / 1e3)}k` : `${(n / 1e6).toFixed(1)}M`);

export class Matrix {
  /** @param {Gallery} app */
  constructor(app) {
    this.app = app;
    this.latest = /** @type {Latest<LabelTable>} */ (new Latest(app, "table"));
    this.element = h("section", { class: "ga-matrix", "aria-label": "Labels against labels" });
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

  /**
   * @param {"rows" | "columns"} which
   * @param {string} label
   */
  select(which, label) {
    const { app } = this;
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
      app.data.columns.map((c) => h("option", { value: c, selected: c === this[which] }, titleOf(app, c))),
    );
    return select;
  }

  draw() {
    const { app, table } = this;
    if (!table) return;
    const { classes } = app.data;
    const [rows, columns] = [titleOf(app, table.rows), titleOf(app, table.columns)];
    const all = table.counts.map((row) => Math.max(row.reduce((a, b) => a + b, 0), 1));
    const isEmpty = !table.counts.some((row) => row.some(Boolean));
    redraw(
      this.element,
      h("h2", {}, "Labels against labels"),
      h("div", { class: "ga-row ga-against" }, this.select("rows", "Rows"), h("span", {}, "×"), this.select("columns", "Columns")),
      this.message ? h("p", { class: "ga-quiet" }, this.message) : null,
      isEmpty ? h("p", { class: "ga-quiet" }, "No image of this view has both. Choose others above, or take filters away.") : null,
      isEmpty ? null : classTable(app, this.element, {
        rows: table.rows,
        columns: table.columns,
        key: "cell",
        caption: ["Images by ", named(rows), " (rows) and ", named(columns), " (columns). A cell shows its images."],
        cell: (k, l) => {
          const n = table.counts[k][l];
          const part = n / all[k];
          return { part, text: n ? short(n) : "", title: `${rows} ${classes[k]}, ${columns} ${classes[l]}: ${counted(n, "image")}, ${percent(part)} of the row` };
        },
      }),
    );
  }
}
