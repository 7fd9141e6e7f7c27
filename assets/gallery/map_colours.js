// @ts-check
// The colours of the map's points, and what they mean.

import { BY_CONFIDENCE, BY_LABELS } from "./constants.js";

/** @import { Gallery } from "./main.js" */

/**
 * @typedef {[red: number, green: number, blue: number]} Colour
 * @typedef {{ colour: Colour, text: string }} Meaning
 */

// To be seen on light and dark grounds; most of the first eight are those of Okabe and Ito.
/** @type {Colour[]} */
const FIRST = [[230, 159, 0], [60, 155, 215], [0, 158, 115], [213, 94, 0], [190, 100, 160], [110, 110, 220], [150, 150, 40], [215, 60, 90]];
/** @type {Colour} */
export const FAINT = [140, 140, 150];
/** @type {[name: string, colour: Colour][]} */
const BY_RELATION = [["none", FAINT], ["one", [60, 155, 215]], ["agree", [0, 158, 115]], ["differ", [213, 94, 0]]]; // in the server's order
/** @type {Colour[]} */
const LOW_TO_HIGH = [[213, 94, 0], [230, 159, 0], [165, 165, 120], [90, 160, 200], [40, 95, 200]];

/**
 * After the first eight, hues as far from those before as can be.
 * @param {number} k class
 * @returns {Colour}
 */
export function classColour(k) {
  if (k < FIRST.length) return FIRST[k];
  const hue = 6 * ((k * 0.618034) % 1);
  /** @param {number} shift */
  const part = (shift) => {
    const x = (hue + shift) % 6;
    return Math.round(70 + 140 * Math.max(0, Math.min(1, x, 4 - x)));
  };
  return [part(2), part(0), part(4)];
}

/**
 * The colours of what the points are coloured by, at the place of each code; points of other codes are faint.
 * @param {Gallery} app
 * @param {string} by
 * @returns {Meaning[]}
 */
export function meanings(app, by) {
  const { classes, relations } = app.data;
  if (by === BY_LABELS) return BY_RELATION.map(([name, colour]) => ({ colour, text: relations[name] }));
  if (by === BY_CONFIDENCE) {
    const width = 100 / LOW_TO_HIGH.length;
    return LOW_TO_HIGH.map((colour, n) => ({ colour, text: `${n * width} to ${(n + 1) * width} %` }));
  }
  return classes.map((text, k) => ({ colour: classColour(k), text }));
}

/**
 * Which of the colours a code has.
 * @param {string} by
 * @param {number} code
 */
export const meaningOf = (by, code) => (by === BY_CONFIDENCE ? Math.min(Math.floor((code * LOW_TO_HIGH.length) / 100), LOW_TO_HIGH.length - 1) : code);
