// What of a filter is chosen, and how that stands in the address.

import assert from "node:assert/strict";
import { test } from "node:test";

import { chosenOf, toggled, written } from "../../assets/gallery/choices.js";

const ALPHA = { name: "says.Alpha", title: "Alpha says", values: [] };

test("classes are chosen beside each other, and taken away one by one", () => {
  let view = {};
  for (const value of ["fear", "a|b", "100%"]) view = { ...view, ...toggled(view, ALPHA, value) };
  assert.equal(view["says.Alpha"], "fear|a%7Cb|100%25");
  assert.deepEqual(chosenOf(view, "says.Alpha"), ["fear", "a|b", "100%"]);
  view = { ...view, ...toggled(view, ALPHA, "a|b") };
  assert.deepEqual(chosenOf(view, "says.Alpha"), ["fear", "100%"]);
  for (const value of ["fear", "100%"]) view = { ...view, ...toggled(view, ALPHA, value) };
  assert.equal(view["says.Alpha"], "");
});

test("any class takes the place of single classes, and they of it", () => {
  assert.deepEqual(toggled({ "says.Alpha": "fear" }, ALPHA, "*any*"), { "says.Alpha": "*any*" });
  assert.deepEqual(toggled({ "says.Alpha": "*any*" }, ALPHA, "fear"), { "says.Alpha": "fear" });
});

test("cases are numbers with commas between them, or differ", () => {
  const facet = { name: "case", title: "Case", values: [] };
  assert.deepEqual(toggled({ case: "4" }, facet, "2"), { case: "2,4" });
  assert.deepEqual(toggled({ case: "2,4" }, facet, "differ"), { case: "differ" });
  assert.deepEqual(toggled({ case: "differ" }, facet, "1"), { case: "1" });
  assert.deepEqual(toggled({ case: "differ" }, facet, "differ"), { case: "" });
});

test("images to learn from are chosen where nothing is said, and may be left with test images or alone", () => {
  const facet = { name: "split", title: "Images", values: [] };
  assert.deepEqual(chosenOf({}, "split"), [""]);
  assert.deepEqual(toggled({}, facet, "test"), { split: "|test" });
  assert.deepEqual(chosenOf({ split: "|test" }, "split"), ["", "test"]);
  assert.deepEqual(toggled({ split: "|test" }, facet, ""), { split: "test" });
  assert.deepEqual(toggled({ split: "test" }, facet, "test"), { split: "*any*" });
  assert.equal(written("split", [""]), "");
});

test("only one band of confidence is chosen", () => {
  const facet = { name: "confidence", title: "Confidence", values: [], single: true };
  assert.deepEqual(toggled({ confidence: "0.9-1" }, facet, "0-0.5"), { confidence: "0-0.5" });
  assert.deepEqual(toggled({ confidence: "0-0.5" }, facet, "0-0.5"), { confidence: "" });
});
