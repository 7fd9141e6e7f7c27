// @ts-check
// Where the points of the map are on the screen, and areas that are drawn around them.

import { MAP_SIDE, MOST_CORNERS } from "./constants.js";
import { clamp } from "./core.js";

/** @typedef {[x: number, y: number]} Corner */

const AROUND = 0.03; // of the map, around it
const MOST_ZOOM = 60;

export class MapView {
  constructor() {
    this.width = 1;
    this.height = 1;
    this.wide = MAP_SIDE; // what there is to see
    this.high = MAP_SIDE;
    /** @type {Corner} */
    this.middle = [MAP_SIDE / 2, MAP_SIDE / 2];
    this.whole();
  }

  /**
   * Let what lies between two corners be all that there is to see.
   * @param {Corner} least
   * @param {Corner} most
   */
  fit(least, most) {
    const spread = (/** @type {0 | 1} */ axis) => Math.max(most[axis] - least[axis], MAP_SIDE / MOST_ZOOM);
    this.wide = spread(0);
    this.high = spread(1);
    this.middle = [(least[0] + most[0]) / 2, (least[1] + most[1]) / 2];
    this.whole();
  }

  whole() {
    this.zoom = 1;
    [this.x, this.y] = this.middle; // of the map, in the middle of the screen
  }

  // Pixels of one unit of the map.
  get scale() {
    return (Math.min(this.width / this.wide, this.height / this.high) * this.zoom) / (1 + 2 * AROUND);
  }

  /**
   * @param {number} x
   * @param {number} y
   * @returns {Corner}
   */
  toScreen(x, y) {
    return [(x - this.x) * this.scale + this.width / 2, (y - this.y) * this.scale + this.height / 2];
  }

  /**
   * @param {number} left
   * @param {number} top
   * @returns {Corner}
   */
  toMap(left, top) {
    return [(left - this.width / 2) / this.scale + this.x, (top - this.height / 2) / this.scale + this.y];
  }

  /**
   * What is under a place on the screen stays there.
   * @param {number} factor
   * @param {number} [left]
   * @param {number} [top]
   */
  zoomBy(factor, left = this.width / 2, top = this.height / 2) {
    const [x, y] = this.toMap(left, top);
    this.zoom = clamp(this.zoom * factor, 1, MOST_ZOOM);
    const [nowX, nowY] = this.toMap(left, top);
    this.move(x - nowX, y - nowY);
  }

  /**
   * @param {number} x in units of the map
   * @param {number} y
   */
  move(x, y) {
    this.x = clamp(this.x + x, 0, MAP_SIDE);
    this.y = clamp(this.y + y, 0, MAP_SIDE);
    if (this.zoom === 1) this.whole();
  }
}

/**
 * An area as it stands in the address; "" where the corners enclose nothing.
 * @param {Corner[]} corners
 */
export function areaOf(corners) {
  let tolerance = 0;
  let kept = corners;
  for (kept = rounded(kept); kept.length > MOST_CORNERS; kept = rounded(simplified(corners, tolerance))) tolerance = tolerance * 1.5 || 4;
  return kept.length < 3 || !surface(kept) ? "" : kept.map(([x, y]) => `${x}_${y}`).join(".");
}

/**
 * @param {string | undefined} area
 * @returns {Corner[]}
 */
export const cornersOf = (area) => (area ? area.split(".").map((corner) => /** @type {Corner} */ (corner.split("_").map(Number))) : []);

/**
 * Whole coordinates within the map, without corners that repeat the one before.
 * @param {Corner[]} corners
 */
function rounded(corners) {
  const whole = corners.map(([x, y]) => /** @type {Corner} */ ([clamp(Math.round(x), 0, MAP_SIDE), clamp(Math.round(y), 0, MAP_SIDE)]));
  return whole.filter(([x, y], n) => !n || x !== whole[n - 1][0] || y !== whole[n - 1][1]);
}

/** @param {Corner[]} corners */
function surface(corners) {
  let twice = 0;
  corners.forEach(([x, y], n) => {
    const [nextX, nextY] = corners[(n + 1) % corners.length];
    twice += x * nextY - nextX * y;
  });
  return Math.abs(twice) / 2;
}

/**
 * Without corners that are nearer than a tolerance to the line between those that stay (Douglas and Peucker 1973).
 * @param {Corner[]} line
 * @param {number} tolerance
 * @returns {Corner[]}
 */
function simplified(line, tolerance) {
  const keep = new Set([0, line.length - 1]);
  /** @type {[number, number][]} */
  const parts = [[0, line.length - 1]];
  for (let part = parts.pop(); part; part = parts.pop()) {
    const [first, last] = part;
    let [far, distance] = [-1, tolerance];
    for (let n = first + 1; n < last; n += 1) {
      const d = fromLine(line[n], line[first], line[last]);
      if (d > distance) [far, distance] = [n, d];
    }
    if (far < 0) continue;
    keep.add(far);
    parts.push([first, far], [far, last]);
  }
  return line.filter((_corner, n) => keep.has(n));
}

/**
 * @param {Corner} point
 * @param {Corner} from
 * @param {Corner} to
 */
function fromLine([x, y], [x1, y1], [x2, y2]) {
  const length = Math.hypot(x2 - x1, y2 - y1);
  if (!length) return Math.hypot(x - x1, y - y1);
  return Math.abs((x2 - x1) * (y1 - y) - (x1 - x) * (y2 - y1)) / length;
}
