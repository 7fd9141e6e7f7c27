// @ts-check
// The arrow keys lead from cell to cell of a table; one of its cells at a time is reached by Tab.

import { clamp } from "./core.js";

/**
 * @param {HTMLElement} table whose cells say their row and column
 * @param {KeyboardEvent} event
 * @param {number} last row and column
 */
export function arrowKey(table, event, last) {
  const cell = event.target instanceof HTMLElement ? event.target : null;
  const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
  if (!step || !cell?.dataset.row) return;
  event.preventDefault();
  const row = clamp(Number(cell.dataset.row) + step[0], 0, last);
  const column = clamp(Number(cell.dataset.column) + step[1], 0, last);
  const next = /** @type {HTMLElement | null} */ (table.querySelector(`[data-row="${row}"][data-column="${column}"]`));
  if (!next) return;
  cell.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

/**
 * The key of the cell that Tab leads to.
 * @param {HTMLElement} table
 * @param {string} first where none has the focus
 */
export function reached(table, first) {
  const root = /** @type {Document | ShadowRoot} */ (table.getRootNode());
  const active = /** @type {HTMLElement | null} */ (root.activeElement);
  return (active && table.contains(active) && active.dataset.row !== undefined && active.dataset.key) || first;
}
