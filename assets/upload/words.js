// @ts-check
// Numbers and names in words.

/** @param {number} n */
export const number = (n) => Math.round(n).toLocaleString("en-US");
/**
 * @param {number} n
 * @param {string} one
 */
export const plural = (n, one) => `${number(n)} ${one}${n === 1 ? "" : "s"}`;

/** @type {[string, number][]} */
const UNITS = [
  ["GB", 2 ** 30],
  ["MB", 2 ** 20],
  ["KB", 2 ** 10],
];

/** @param {number} bytes */
export function amount(bytes) {
  for (const [unit, size] of UNITS)
    if (bytes >= size) return `${(bytes / size).toFixed(bytes >= 100 * size ? 0 : 1)} ${unit}`;
  return `${bytes} B`;
}

/** @param {number} seconds */
export function time(seconds) {
  if (seconds < 1.5) return "a second";
  if (seconds < 90) return `${number(seconds)} seconds`;
  if (seconds < 5400) return `${number(seconds / 60)} minutes`;
  return seconds < 172_800 ? `${number(seconds / 3600)} hours` : `${number(seconds / 86_400)} days`;
}

/**
 * A line break shows as one; of a long name the end is shown, which tells files apart.
 * @param {string} path
 */
export function legible(path) {
  /** @param {string} c */
  const escape = (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
  // eslint-disable-next-line no-control-regex -- they are what is made legible
  const plain = path.replace(/\n/g, "\\n").replace(/[\x00-\x1f\x7f-\x9f]/g, escape);
  return plain.length > 50 ? `…${plain.slice(-45)}` : plain;
}
