// @ts-check
// The learned transition matrices of the coders; a cell filters the images by truth and label, in the same view.

import { classTable } from "./class_table.js";
import { TRUTH } from "./constants.js";
import { h, named, percent, redraw, remember, remembered, whole } from "./core.js";
import { Latest } from "./latest.js";

/** @import { Gallery } from "./main.js" */
/** @import { LearnedMatrix } from "./types.js" */

const SMALLEST = 0.005; // a probability that is written

export class Transitions {
  /** @param {Gallery} app */
  constructor(app) {
    this.app = app;
    this.latest = /** @type {Latest<LearnedMatrix>} */ (new Latest(app, "coders/matrix"));
    this.coders = app.data.coders.filter((c) => !c.given);
    const before = remembered("ltnet-transitions");
    this.coder = this.coders.some((c) => c.id === before) ? before : (this.coders[0]?.id ?? "");
    /** @type {LearnedMatrix | null} */
    this.learned = null;
    this.message = "";
    this.select = h("select", { name: "transitions-coder", onChange: () => this.show(this.select.value) }, this.coders.map((c) => h("option", { value: c.id }, c.name)));
    this.table = h("div", {});
    this.element = h(
      "section",
      { class: "ga-matrix", "aria-label": "Transition matrices" },
      h("h2", {}, "Transition matrices"),
      h("label", { class: "ga-row ga-against" }, h("span", { class: "ga-quiet" }, "Coder"), this.select),
      this.table,
    );
  }

  // What was learned does not change with the view: it is asked for when somebody looks at it.
  load() {
    if (this.app.dock.shown !== "transitions" || !this.coder) return;
    if (this.learned) {
      this.draw();
      return;
    }
    this.latest.ask({ coder: this.coder }, (learned) => {
      this.learned = learned;
      this.message = "";
      this.draw();
    }, (message) => {
      this.message = message;
      this.draw();
    });
  }

  /** @param {string} coder */
  show(coder) {
    this.coder = coder;
    this.learned = null;
    remember("ltnet-transitions", coder);
    this.app.dock.show("transitions");
  }

  draw() {
    const { coder, learned } = this;
    this.select.value = coder;
    redraw(this.table, this.message ? h("p", { class: "ga-quiet" }, this.message) : null, learned ? this.cells(learned) : null);
  }

  /** @param {LearnedMatrix} learned */
  cells({ matrix, low, high, support, weak }) {
    const { app, coder } = this;
    const { classes } = app.data;
    const name = app.coderName(coder);
    const interval = (/** @type {number} */ k, /** @type {number} */ l) => (low && high ? ` (${percent(low[k][l])} to ${percent(high[k][l])})` : "");
    const rests = (/** @type {number} */ k) => (support ? `; the row rests on ${whole(Math.round(support[k]))} annotations` : "");
    return classTable(app, this.table, {
      rows: TRUTH,
      columns: coder,
      key: "learned",
      caption: [
        "How often ",
        named(name),
        " says each class (columns) when the truth is that of the row, as learned, in percent. A cell shows the images of its truth and label.",
        weak.some(Boolean) ? " Hatched rows rest on few annotations." : "",
      ],
      weak: (k) => weak[k],
      cell: (k, l) => {
        const p = matrix[k][l];
        return {
          part: p < SMALLEST ? 0 : p,
          text: p < SMALLEST ? "" : String(Math.round(100 * p)),
          title: `truth ${classes[k]}, ${name} says ${classes[l]}: ${percent(p)}${interval(k, l)}${rests(k)}`,
        };
      },
    });
  }
}
