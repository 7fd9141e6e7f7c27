// Where points are on the screen, and drawn areas as they stand in the address.

import assert from "node:assert/strict";
import { test } from "node:test";

import { areaOf, cornersOf, MapView } from "../../assets/gallery/map_view.js";

const near = (a, b, tolerance = 1e-6) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);

test("a place on the screen is a place of the map, and stays where it is when one zooms there", () => {
  const view = new MapView();
  [view.width, view.height] = [800, 400];
  assert.deepEqual(view.toScreen(4999.5, 4999.5), [400, 200]);
  const [x, y] = view.toMap(300, 150);
  view.zoomBy(3, 300, 150);
  near(view.toScreen(x, y)[0], 300);
  near(view.toScreen(x, y)[1], 150);
  view.zoomBy(1e9);
  assert.ok(view.zoom <= 60);
  view.zoomBy(1e-9);
  assert.deepEqual([view.zoom, view.x, view.y], [1, 4999.5, 4999.5]);
});

test("the middle of the screen stays on the map", () => {
  const view = new MapView();
  view.zoomBy(4);
  view.move(1e6, -1e6);
  assert.deepEqual([view.x, view.y], [9999, 0]);
});

test("what there is to see fills the screen, however little of the map it covers", () => {
  const view = new MapView();
  [view.width, view.height] = [800, 400];
  view.fit([1000, 4000], [5000, 6000]);
  assert.deepEqual(view.toScreen(3000, 5000), [400, 200]);
  const [left, top] = view.toScreen(1000, 4000);
  assert.ok(left > 0 && left < 30 && top > 0 && top < 15);
  view.zoomBy(2);
  view.zoomBy(0.1);
  assert.deepEqual([view.x, view.y], [3000, 5000]);
  view.fit([7, 7], [7, 7]);
  assert.ok(Number.isFinite(view.scale));
});

test("an area is whole corners within the map, each once", () => {
  assert.equal(areaOf([[0.4, -3], [100, 0], [100.2, 0.1], [50, 20000]]), "0_0.100_0.50_9999");
  assert.deepEqual(cornersOf("0_0.100_0.50_9999"), [[0, 0], [100, 0], [50, 9999]]);
  assert.deepEqual(cornersOf(undefined), []);
});

test("what encloses nothing is no area", () => {
  for (const corners of [[], [[1, 1]], [[1, 1], [2, 2]], [[1, 1], [5, 5], [9, 9]], [[1, 1], [1.2, 1.3], [0.9, 1]]]) assert.equal(areaOf(corners), "");
});

test("a long line becomes at most 60 corners that go where it went", () => {
  const circle = Array.from({ length: 2000 }, (_, n) => [5000 + 4000 * Math.cos((n * Math.PI) / 1000), 5000 + 4000 * Math.sin((n * Math.PI) / 1000)]);
  const corners = cornersOf(areaOf(circle));
  assert.ok(corners.length > 20 && corners.length <= 60);
  for (const [x, y] of corners) near(Math.hypot(x - 5000, y - 5000), 4000, 60);
  const surface = corners.reduce((sum, [x, y], n) => sum + x * corners[(n + 1) % corners.length][1] - corners[(n + 1) % corners.length][0] * y, 0) / 2;
  near(surface / (Math.PI * 4000 ** 2), 1, 0.02);
});
