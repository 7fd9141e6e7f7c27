// @ts-check
// The points of the map as they come from the server, and as pixels.

import { FAINT } from "./map_colours.js";

/** @import { Colour } from "./map_colours.js" */
/** @import { Corner, MapView } from "./map_view.js" */

const FAINT_OPACITY = 70; // of 255: a point that is not in the view
const REACH = 12; // pixels from a point that is meant

/**
 * As the canvas has it: from the lowest byte red, green, blue, opacity.
 * @param {Colour} colour
 * @param {number} opacity
 */
const pixelFrom = ([r, g, b], opacity) => (opacity << 24) | (b << 16) | (g << 8) | r;

export class Points {
  /** @param {ArrayBuffer} data see ui/map_routes.py */
  constructor(data) {
    const [n] = new Uint32Array(data, 0, 1);
    this.length = n;
    this.row = new Uint32Array(data, 4, n);
    this.x = new Uint16Array(data, 4 + 4 * n, n);
    this.y = new Uint16Array(data, 4 + 6 * n, n);
    /** What each is coloured by. */
    this.code = new Int16Array(n).fill(-1);
    /** Whether each is in the view, apart from the area. */
    this.shown = new Uint8Array(n).fill(1);
  }

  /** The corners between which all points lie. */
  corners() {
    /** @type {[Corner, Corner]} */
    const [least, most] = [[this.x[0] ?? 0, this.y[0] ?? 0], [this.x[0] ?? 0, this.y[0] ?? 0]];
    for (let n = 1; n < this.length; n += 1) {
      least[0] = Math.min(least[0], this.x[n]);
      least[1] = Math.min(least[1], this.y[n]);
      most[0] = Math.max(most[0], this.x[n]);
      most[1] = Math.max(most[1], this.y[n]);
    }
    return /** @type {const} */ ([least, most]);
  }

  /** @param {ArrayBuffer} data */
  colour(data) {
    this.code = new Int16Array(data, 0, this.length);
    this.shown = new Uint8Array(data, 2 * this.length, this.length);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {MapView} view
   * @param {number} ratio pixels of the canvas for one of the page
   * @param {(code: number) => Colour} colourOf
   */
  draw(context, view, ratio, colourOf) {
    const { width, height } = context.canvas;
    if (!width || !height) return;
    const image = context.createImageData(width, height);
    const pixels = new Uint32Array(image.data.buffer);
    const size = Math.max(1, Math.round(ratio * Math.min(1.4 + view.zoom * 0.5 + (this.length < 5000 ? 1.5 : 0), 6)));
    const [left, top] = view.toScreen(0, 0).map((at) => at * ratio);
    const scale = view.scale * ratio;
    /** @type {Map<number, number>} */
    const known = new Map();
    /** @param {number} code */
    const pixelOf = (code) => {
      const pixel = known.get(code) ?? pixelFrom(colourOf(code), 255);
      known.set(code, pixel);
      return pixel;
    };
    const faint = pixelFrom(FAINT, FAINT_OPACITY);
    for (const shown of [0, 1]) {
      for (let n = 0; n < this.length; n += 1) {
        if (this.shown[n] !== shown) continue;
        const x = Math.round(left + this.x[n] * scale - size / 2);
        const y = Math.round(top + this.y[n] * scale - size / 2);
        const [from, to] = [Math.max(x, 0), Math.min(x + size, width)];
        if (from >= to) continue;
        const pixel = shown ? pixelOf(this.code[n]) : faint;
        for (let j = Math.max(y, 0); j < Math.min(y + size, height); j += 1) pixels.fill(pixel, j * width + from, j * width + to);
      }
    }
    context.putImageData(image, 0, 0);
  }

  /**
   * The point that is meant by a place on the screen, −1 where there is none.
   * @param {MapView} view
   * @param {number} left
   * @param {number} top
   */
  at(view, left, top) {
    const [x, y] = view.toMap(left, top);
    let [best, distance] = [-1, (REACH / view.scale) ** 2];
    for (let n = 0; n < this.length; n += 1) {
      const d = (this.x[n] - x) ** 2 + (this.y[n] - y) ** 2;
      if (this.shown[n] && d < distance) [best, distance] = [n, d];
    }
    return best;
  }
}
