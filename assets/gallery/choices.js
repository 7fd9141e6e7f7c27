// @ts-check
// The filters by name: what each is called, what can be chosen in it, and what of it a view has chosen.

import { CASE_ORDER, plainCase } from "./cases.js";
import { ANYTHING, NOTHING } from "./constants.js";
import { coders2, joinNames, splitNames } from "./core.js";

/** @import { Gallery } from "./main.js" */
/** @import { View } from "./types.js" */

/**
 * @typedef {object} Facet
 * @property {string} name as it stands in the address
 * @property {string} title
 * @property {[value: string, text: string][]} values
 * @property {boolean} [single] only one can be chosen
 * @property {boolean} [open] whether it is unfolded at first
 */

/** @type {Record<string, string>} */
const BAND = { "0.9-1": "90 % or more", "0.7-0.9": "70 to 90 %", "0.5-0.7": "50 to 70 %", "0-0.5": "below 50 %" };
const NAMES = new Set(["truth", "network", "known", "origin", "split", "reviewer", "tag"]);
const PLAIN = new Set(["reviewed", "labels", "against", "neighbours"]); // words that need no escape
/**
 * Filters that are no choice among several.
 * @type {[name: string, text: (value: string, app: Gallery) => string][]}
 */
const ALONE = [
  ["margin", (value) => `Lead over the next class: ${value}`],
  ["alone", (value, app) => `${app.coderName(value)} is alone with its label`],
  ["area", () => "An area of the map"],
  ["search", (value) => `Name has “${value}”`],
  ["than", (value) => `another truth than in ${value}`],
  ["top", (value) => `the first ${Number(value).toLocaleString("en")}`],
];

/** @param {string} name */
const holdsNames = (name) => NAMES.has(name) || name.startsWith("says.");

/**
 * What of a filter is chosen.
 * @param {View} view
 * @param {string} name
 * @returns {string[]}
 */
export function chosenOf(view, name) {
  if (name === "split") return view.split === undefined ? [""] : splitNames(view.split);
  const text = view[name] || "";
  if (!text) return [];
  if (holdsNames(name)) return splitNames(text);
  if (PLAIN.has(name)) return text.split("|");
  if (name === "case") return text === "differ" ? [text] : text.split(",");
  if (name === "region") return text.split(",");
  return [text];
}

/**
 * How what is chosen stands in the address; "" where that restricts nothing.
 * @param {string} name
 * @param {string[]} values
 */
export function written(name, values) {
  if (name === "split" && values.length === 1 && values[0] === "") return "";
  if (name === "split" && !values.length) return ANYTHING;
  if (holdsNames(name)) return joinNames(values);
  if (name === "case") return values.includes("differ") && values.length === 1 ? "differ" : values.filter((v) => v !== "differ").sort().join(",");
  if (name === "region") return [...values].sort((a, b) => Number(a) - Number(b)).join(",");
  return values.join("|");
}

/**
 * The view with one value of a filter chosen or not any more.
 * @param {View} view
 * @param {Facet} facet
 * @param {string} value
 * @returns {View} what changes
 */
export function toggled(view, { name, single }, value) {
  const before = chosenOf(view, name);
  const others = before.filter((v) => v !== value && v !== (name === "split" ? ANYTHING : ""));
  if (before.includes(value)) return { [name]: written(name, others) };
  if (single || value === ANYTHING || (name === "case" && value === "differ")) return { [name]: written(name, [value]) };
  const kept = others.filter((v) => v !== ANYTHING && v !== "differ");
  return { [name]: written(name, [...kept, value]) };
}

/**
 * Every filter that has choices, in the order in which it is shown.
 * @param {Gallery} app
 * @param {string[]} coders those that have a filter of their own
 * @returns {Facet[]}
 */
export function facets(app, coders) {
  const { data, view } = app;
  /** @type {[string, string][]} */
  const classes = data.classes.map((c, k) => [c, `${c} (${data.codes[k]})`]);
  const [first, second] = coders2(view.pair);
  /** @type {Facet[]} */
  const out = [
    { name: "labels", title: view.pair ? "Labels of the pair" : "Labels of people", values: Object.entries(data.relations), open: true },
    ...coders.map((id) => ({
      name: `says.${id}`,
      title: `${app.coderName(id)} says`,
      open: !data.coders.find((c) => c.id === id)?.machine,
      values: [...classes, /** @type {[string, string]} */ ([ANYTHING, "any class"]), /** @type {[string, string]} */ ([NOTHING, "nothing"])],
    })),
  ];
  if (data.truth) {
    out.push(
      { name: "truth", title: "Learned truth", values: classes, open: true },
      { name: "against", title: "Labels against the truth", values: Object.entries(data.against), open: !data.pairs.length },
    );
    /** @type {[string, string][]} */
    const cases = [["differ", "the two labels differ"], ...CASE_ORDER.map((n) => /** @type {[string, string]} */ ([String(n), plainCase(app, n, first, second)]))];
    if (data.pairs.length || view.case) out.push({ name: "case", title: "Case", open: true, values: cases });
    out.push(
      { name: "confidence", title: "Confidence", values: data.bands.map((b) => [b, BAND[b] || b]), single: true },
    );
  }
  out.push({ name: "known", title: "Known truth", values: [...classes, [NOTHING, "not known"]] });
  out.push({ name: "origin", title: "Labelled by", values: data.origins.map((o) => [o, o]) });
  if (data.splits.length > 1 || data.splits[0] !== "") {
    const of = (/** @type {string} */ s) => (s === "" ? "to learn from" : s === "test" ? "test images" : `test set ${s}`);
    out.push({ name: "split", title: "Images", values: data.splits.map((s) => [s, of(s)]) });
  }
  out.push({ name: "reviewed", title: "Settled", values: [["open", "not yet settled"], ["settled", "settled"], ["skipped", "skipped"]] });
  out.push({ name: "reviewer", title: "Settled by", values: [] }, { name: "tag", title: "Tag", values: [], open: true });
  if (view.neighbours || app.facets.counts.neighbours) out.push({ name: "neighbours", title: "Neighbours on the map", values: Object.entries(data.neighbours) });
  if (data.truth) out.push({ name: "network", title: "Truth by the image alone", values: classes });
  return out;
}

/**
 * What is chosen in a view, a line for each value that can be taken away.
 * @param {Gallery} app
 * @returns {{name: string, value: string, text: string}[]}
 */
export function restrictions(app) {
  const { view } = app;
  const coders = Object.keys(view).filter((n) => n.startsWith("says.")).map((n) => n.slice(5));
  const out = [];
  if (view.pair) out.push({ name: "pair", value: view.pair, text: coders2(view.pair).map((c) => app.coderName(c)).join(" × ") });
  for (const { name, title, values } of facets(app, coders)) {
    if (name === "split" && view.split === undefined) continue;
    for (const value of chosenOf(view, name)) {
      const text = values.find(([v]) => v === value)?.[1] ?? (value === ANYTHING ? "all" : value === NOTHING ? "none" : value);
      out.push({ name, value, text: `${title}: ${text}` });
    }
  }
  for (const n of chosenOf(view, "region")) out.push({ name: "region", value: n, text: `Region ${n} of the map` });
  for (const [name, text] of ALONE) if (view[name]) out.push({ name, value: view[name], text: text(view[name], app) });
  return out;
}
