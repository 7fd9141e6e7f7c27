// The cells of a matrix by keyboard.

import assert from "node:assert/strict";
import { test } from "node:test";

import { moved } from "../../assets/cells/moves.js";

test("arrows go one cell, Home and End along the row, Page keys along the column, and stop at the edge", () => {
  const lead = (key) => moved(key, 1, 2, 4);
  assert.deepEqual(["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"].map(lead), [[0, 2], [2, 2], [1, 1], [1, 3]]);
  assert.deepEqual(["Home", "End", "PageUp", "PageDown"].map(lead), [[1, 0], [1, 3], [0, 2], [3, 2]]);
  assert.deepEqual([moved("ArrowUp", 0, 0, 4), moved("ArrowRight", 0, 3, 4), moved("Tab", 1, 1, 4), moved("constructor", 1, 1, 4)], [null, null, null, null]);
});
