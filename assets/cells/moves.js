// @ts-check
// Where a key leads within a square of cells.

/**
 * Row and column that the key leads to; null where it is none of these keys, or the edge is reached.
 * @param {string} key
 * @param {number} row
 * @param {number} column
 * @param {number} size
 * @returns {[number, number] | null}
 */
export function moved(key, row, column, size) {
  const last = size - 1;
  /** @type {Record<string, [number, number]>} */
  const targets = {
    ArrowUp: [row - 1, column],
    ArrowDown: [row + 1, column],
    ArrowLeft: [row, column - 1],
    ArrowRight: [row, column + 1],
    Home: [row, 0],
    End: [row, last],
    PageUp: [0, column],
    PageDown: [last, column],
  };
  const to = Object.hasOwn(targets, key) ? targets[key] : null;
  return to && to.every((k) => k >= 0 && k <= last) ? to : null;
}
