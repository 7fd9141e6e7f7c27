// @ts-check
// What the other parts share: making elements, numbers in words, what the browser remembers.

import { ISOLATE } from "./constants.js";

/** @typedef {Node | string | null | undefined | false} Child */

/**
 * An element. Text is always set as text: names of classes, coders and files are shown, never interpreted.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any>} [props]
 * @param {...(Child | Child[] | Child[][])} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    // What a handler returns means nothing: a false would keep a field from getting what is typed.
    if (name.startsWith("on")) Object.assign(element, { [name.toLowerCase()]: (/** @type {Event} */ event) => void value(event) });
    else if (name === "class") element.className = value;
    else if (name === "style") Object.assign(element.style, value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name in element && name !== "list" && name !== "role") Object.assign(element, { [name]: value });
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...shown(children));
  return element;
}

/**
 * @param {Child} child
 * @returns {child is Node | string}
 */
const isShown = (child) => child !== null && child !== undefined && child !== false && child !== "";

/**
 * @param {(Child | Child[] | Child[][])[]} children
 * @returns {(Node | string)[]}
 */
function shown(children) {
  const flat = /** @type {Child[]} */ (children.flat(2));
  return flat.filter(isShown);
}

/**
 * A user's name inside other text: right-to-left letters must not turn their neighbours around. Text that holds such a
 * name, isolated by the server, is English: a browser would take its direction from the name.
 * @param {string | number} text
 */
export const named = (text) => h("bdi", { dir: String(text).includes(ISOLATE) ? "ltr" : null }, String(text));

/**
 * Names in an address; they may hold the bar between them.
 * @param {string[]} names
 */
export const joinNames = (names) => names.map((n) => n.replaceAll("%", "%25").replaceAll("|", "%7C")).join("|");

/** @param {string} text */
export const splitNames = (text) => text.split("|").map((n) => n.replaceAll("%7C", "|").replaceAll("%25", "%"));

/**
 * Two coders in an address.
 * @param {string} a
 * @param {string} b
 */
export const pairOf = (a, b) => joinNames([a, b]);

/** @param {string | undefined} pair */
export const coders2 = (pair) => splitNames(pair || "");

/**
 * New content of an element; what had the keyboard's focus has it again.
 * @param {HTMLElement} element
 * @param {...(Child | Child[] | Child[][])} children
 */
export function redraw(element, ...children) {
  const root = /** @type {Document | ShadowRoot} */ (element.getRootNode());
  const active = /** @type {HTMLElement | null} */ (root.activeElement);
  const key = active && element.contains(active) ? keyOf(active) : "";
  element.replaceChildren(...shown(children));
  if (!key) return;
  const keyed = /** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll("[name], [data-key]"));
  [...keyed].find((e) => keyOf(e) === key)?.focus({ preventScroll: true });
}

/** @param {HTMLElement} element */
const keyOf = (element) => element.dataset.key || element.getAttribute("name") || "";

/** @param {number} n */
export const whole = (n) => n.toLocaleString("en");

/**
 * So many in words: 1 image, 2,000 images.
 * @param {number} n
 * @param {string} one
 */
export const counted = (n, one) => `${whole(n)} ${one}${n === 1 ? "" : "s"}`;

/**
 * @param {number} x
 * @param {number} [digits]
 */
export const percent = (x, digits = 0) => `${(100 * x).toFixed(digits)} %`;

/**
 * As CSS has it.
 * @param {number} x
 */
export const share = (x) => `${clamp(100 * x, 0, 100).toFixed(2)}%`;

/**
 * @param {number} ms
 * @returns {Promise<void>}
 */
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * @param {number} x
 * @param {number} low
 * @param {number} high
 */
export const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

/**
 * A time in words.
 * @param {number} seconds since 1970
 */
export function when(seconds) {
  const past = Date.now() / 1000 - seconds;
  if (past < 60) return "just now";
  if (past < 3600) return `${Math.round(past / 60)} min ago`;
  const date = new Date(1000 * seconds);
  const sameDay = date.toDateString() === new Date().toDateString();
  const clock = date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return sameDay ? `at ${clock}` : `on ${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })}, ${clock}`;
}

/** @param {unknown} error */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));

/**
 * What this browser remembers under a name.
 * @param {string} name
 */
export function remembered(name) {
  try {
    return localStorage.getItem(name) || "";
  } catch {
    return "";
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
export function remember(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // then it is asked for again
  }
}
