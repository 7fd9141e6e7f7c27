// @ts-check
// A table of classes against classes; a cell filters the images by its row and its column, in the same view.

import { arrowKey, reached } from "./arrows.js";
import { chosenOf, written } from "./choices.js";
import { KNOWN, NETWORK, TRUTH } from "./constants.js";
import { h, named } from "./core.js";

/** @import { Child } from "./core.js" */
/** @import { Gallery } from "./main.js" */

/**
 * @typedef {object} Cells
 * @property {string} rows what the rows are: a coder or a truth
 * @property {string} columns
 * @property {string} key of the table, in front of those of its cells
 * @property {Child[]} caption
 * @property {(k: number, l: number) => { part: number, text: string, title: string }} cell how strong it is, what stands in it, what it says
 * @property {(k: number) => boolean} [weak] whether a row rests on little
 */

const MOST_IN_LINE = 14; // classes whose numbers fit into the narrow column

/** @type {Record<string, string>} */
const TITLES = { [TRUTH]: "learned truth", [NETWORK]: "truth by the image alone", [KNOWN]: "known truth" };
/** @type {Record<string, string>} */
const FILTERS = { [TRUTH]: "truth", [NETWORK]: "network", [KNOWN]: "known" };

/**
 * What a column of labels is called.
 * @param {Gallery} app
 * @param {string} column
 */
export const titleOf = (app, column) => TITLES[column] ?? app.coderName(column);

/** @param {string} column */
const filterOf = (column) => FILTERS[column] ?? `says.${column}`;

/**
 * @param {Gallery} app
 * @param {HTMLElement} element in which the table is drawn
 * @param {Cells} cells
 */
export function classTable(app, element, cells) {
  const { classes, codes } = app.data;
  const at = reached(element, `${cells.key}:0:0`);
  const head = h("tr", {}, h("td", {}), codes.map((code, l) => h("th", { scope: "col", title: classes[l] }, named(code))));
  const body = codes.map((code, k) =>
    h(
      "tr",
      { class: cells.weak?.(k) ? "weak" : "" },
      h("th", { scope: "row", title: classes[k] }, named(code)),
      classes.map((_, l) => h("td", {}, cellOf(app, cells, k, l, at))),
    ),
  );
  const onKeydown = (/** @type {KeyboardEvent} */ e) => arrowKey(element, e, classes.length - 1);
  return h("div", { class: "ga-cells" + (classes.length > MOST_IN_LINE ? " dense" : "") }, h("p", { class: "ga-quiet", id: `about-${cells.key}` }, cells.caption), h("table", { onKeydown, "aria-describedby": `about-${cells.key}` }, head, body));
}

/**
 * @param {Gallery} app
 * @param {Cells} cells
 * @param {number} k
 * @param {number} l
 * @param {string} at the cell that the keyboard reaches
 */
function cellOf(app, cells, k, l, at) {
  const [row, column] = [filterOf(cells.rows), filterOf(cells.columns)];
  const pair = [app.data.classes[k], app.data.classes[l]];
  const on = [row, column].every((filter, n) => written("truth", chosenOf(app.view, filter)) === written("truth", [pair[n]]));
  const { part, text, title } = cells.cell(k, l);
  const key = `${cells.key}:${k}:${l}`;
  return h(
    "button",
    {
      class: "ga-cell" + (k === l ? " same" : "") + (on ? " on" : ""),
      style: { backgroundColor: part ? `color-mix(in srgb, var(--st-primary-color) ${Math.round(8 + 52 * part)}%, transparent)` : "" },
      title,
      "aria-label": title,
      "aria-pressed": String(on),
      tabIndex: key === at ? 0 : -1,
      dataset: { key, row: String(k), column: String(l) },
      onClick: () => app.set(on ? { [row]: "", [column]: "" } : { [row]: written("truth", [pair[0]]), [column]: written("truth", [pair[1]]) }),
    },
    text,
  );
}
