// @ts-check
// The map's canvas: drawing an area, moving and zooming, by pointer and by keys.

import { h, named } from "./core.js";
import { areaOf, cornersOf, MapView } from "./map_view.js";
import { Answer } from "./server.js";

/** @import { ImageMap } from "./map.js" */
/** @import { Corner } from "./map_view.js" */

const STEP = 1.5; // of a zoom
const STILL = 5; // pixels that a click may move
const CROSS = 7; // pixels from the middle to the ends of the cross that the keyboard points with
const PART = 0.15; // of what is in sight, that a key moves

export class MapCanvas {
  /** @param {ImageMap} map */
  constructor(map) {
    this.map = map;
    this.view = new MapView();
    this.moves = false; // whether the pointer moves the map; else it draws
    /** @type {Corner[]} */
    this.drawn = [];
    /** @type {Corner | null} */
    this.from = null;
    this.frame = 0;
    this.turn = 0;
    this.canvas = h("canvas", {
      tabIndex: 0,
      role: "application",
      "aria-label": "Map of the images. Arrow keys move it, plus and minus zoom, 0 shows all. Enter opens the image in the middle, Space shows the images in sight, as an area does; so do the regions below.",
      onPointerdown: (/** @type {PointerEvent} */ e) => this.down(e),
      onPointermove: (/** @type {PointerEvent} */ e) => this.move(e),
      onPointerup: (/** @type {PointerEvent} */ e) => this.up(e),
      onPointercancel: () => this.forget(),
      onPointerleave: () => this.point(-1, 0, 0),
      onKeydown: (/** @type {KeyboardEvent} */ e) => this.key(e),
      onFocus: () => this.draw(),
      onBlur: () => {
        this.point(-1, 0, 0);
        this.draw();
      },
    });
    this.canvas.addEventListener("wheel", (e) => this.wheel(e), { passive: false });
    this.tip = h("div", { class: "ga-tip", hidden: true, "aria-hidden": "true" });
    this.tools = h("div", { class: "ga-row ga-tools", role: "group", "aria-label": "The map" });
    this.element = h("div", { class: "ga-plot" }, this.tools, h("div", { class: "ga-sheet" }, this.canvas, this.tip));
    this.sized = new ResizeObserver(() => this.draw());
    this.sized.observe(this.canvas);
    this.drawTools();
  }

  drawTools() {
    /** @type {(name: string, label: string, text: string, act: () => void, pressed?: boolean) => HTMLElement} */
    const tool = (name, label, text, act, pressed) =>
      h("button", { class: "ga-tab", name: `map-${name}`, title: label, "aria-label": label, ...(pressed === undefined ? {} : { "aria-pressed": String(pressed) }), onClick: act }, text);
    const mode = (/** @type {boolean} */ moves) => () => {
      this.moves = moves;
      this.drawTools();
    };
    this.tools.replaceChildren(
      tool("draw", "Draw around images to see them", "draw", mode(false), !this.moves),
      tool("move", "Move the map", "move", mode(true), this.moves),
      tool("in", "Zoom in", "+", () => this.zoom(STEP)),
      tool("out", "Zoom out", "−", () => this.zoom(1 / STEP)),
      tool("whole", "Show all of the map", "all", () => this.zoom(0)),
    );
    this.canvas.style.cursor = this.moves ? "grab" : "crosshair";
  }

  /** @param {number} factor 0 for the whole map */
  zoom(factor) {
    if (factor) this.view.zoomBy(factor);
    else this.view.whole();
    this.draw();
  }

  // ---- pointer

  /**
   * @param {MouseEvent} event
   * @returns {Corner}
   */
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.from = this.place(event);
    this.drawn = [this.from];
    this.point(-1, 0, 0);
  }

  /** @param {PointerEvent} event */
  move(event) {
    const at = this.place(event);
    if (!this.from) {
      this.point(this.map.points?.at(this.view, ...at) ?? -1, ...at);
      return;
    }
    const [x, y] = this.drawn[this.drawn.length - 1];
    if (Math.hypot(at[0] - x, at[1] - y) < 2) return;
    if (this.moves) {
      this.view.move((x - at[0]) / this.view.scale, (y - at[1]) / this.view.scale);
    }
    this.drawn.push(at);
    this.draw();
  }

  /** @param {PointerEvent} event */
  up(event) {
    if (!this.from) return;
    const { from, drawn } = this;
    const at = this.place(event);
    this.forget();
    if (drawn.every(([x, y]) => Math.hypot(x - from[0], y - from[1]) < STILL)) this.open(at);
    else if (!this.moves) {
      const area = areaOf(drawn.map(([x, y]) => this.view.toMap(x, y)));
      if (area) this.map.app.set({ area });
    }
  }

  forget() {
    this.from = null;
    this.drawn = [];
    this.draw();
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    // Beside the images the wheel scrolls what is around the map.
    if (!event.ctrlKey && !event.metaKey && !this.map.app.dock.isWide) return;
    event.preventDefault();
    this.view.zoomBy(Math.exp(-event.deltaY / 400), ...this.place(event));
    this.draw();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { view } = this;
    const move = (/** @type {number} */ x, /** @type {number} */ y) => () => view.move((PART * x * view.width) / view.scale, (PART * y * view.height) / view.scale);
    /** @type {Record<string, () => void>} */
    const shifts = {
      ArrowRight: move(1, 0),
      ArrowLeft: move(-1, 0),
      ArrowDown: move(0, 1),
      ArrowUp: move(0, -1),
      "+": () => view.zoomBy(STEP),
      "=": () => view.zoomBy(STEP),
      "-": () => view.zoomBy(1 / STEP),
      0: () => view.whole(),
    };
    /** @type {Record<string, () => void>} */
    const acts = { Enter: () => this.open(this.middle), " ": () => this.chooseInSight(), Escape: () => this.forget() };
    if (event.ctrlKey || event.metaKey || event.altKey || (event.key === "Escape" && !this.from)) return;
    const act = shifts[event.key] ?? acts[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
    if (event.key in shifts) this.point(this.map.points?.at(view, ...this.middle) ?? -1, ...this.middle);
    this.draw();
  }

  /** @returns {Corner} */
  get middle() {
    return [this.view.width / 2, this.view.height / 2];
  }

  // What the keyboard has in place of drawing an area.
  chooseInSight() {
    const { view } = this;
    const area = areaOf([view.toMap(0, 0), view.toMap(view.width, 0), view.toMap(view.width, view.height), view.toMap(0, view.height)]);
    if (area) this.map.app.set({ area });
  }

  /** @param {Corner} at */
  open(at) {
    const { points, app } = this.map;
    const n = points?.at(this.view, ...at) ?? -1;
    if (points && n >= 0) app.review.openRow(points.row[n]).catch((error) => app.say(error instanceof Answer ? error.message : "The server does not answer."));
  }

  /**
   * Show which image a point is.
   * @param {number} n
   * @param {number} left
   * @param {number} top
   */
  point(n, left, top) {
    const { points, app } = this.map;
    const turn = (this.turn += 1);
    this.tip.hidden = n < 0;
    if (n < 0 || !points) return;
    const row = points.row[n];
    const text = this.map.meaningOf(n);
    Object.assign(this.tip.style, { left: `${left}px`, top: `${top}px` });
    this.tip.classList.toggle("left", left > this.view.width / 2);
    this.tip.replaceChildren(text ? named(text) : "");
    app.images.bring([row], (_row, address) => {
      if (turn === this.turn && address) this.tip.replaceChildren(h("img", { src: address, alt: "" }), text ? named(text) : "");
    });
  }

  // ---- drawing

  draw() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.drawNow());
  }

  drawNow() {
    this.frame = 0;
    const { canvas, view } = this;
    const { points } = this.map;
    const context = canvas.getContext("2d");
    if (!context || !points || !canvas.clientWidth) return;
    const ratio = window.devicePixelRatio || 1;
    [view.width, view.height] = [canvas.clientWidth, canvas.clientHeight];
    canvas.width = Math.round(view.width * ratio);
    canvas.height = Math.round(view.height * ratio);
    points.draw(context, view, ratio, (code) => this.map.colourOf(code));
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.lineWidth = 2;
    context.strokeStyle = getComputedStyle(canvas).color;
    const area = cornersOf(this.map.app.view.area).map(([x, y]) => view.toScreen(x, y));
    this.line(context, area, true);
    if (!this.moves) this.line(context, this.drawn, false);
    if (canvas.matches(":focus-visible")) this.cross(context);
    this.map.element.dataset.drawn = String(Math.round(performance.now()));
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Corner[]} corners
   * @param {boolean} isClosed
   */
  line(context, corners, isClosed) {
    if (corners.length < 2) return;
    context.beginPath();
    corners.forEach(([x, y], n) => (n ? context.lineTo(x, y) : context.moveTo(x, y)));
    if (isClosed) context.closePath();
    context.stroke();
  }

  /** @param {CanvasRenderingContext2D} context */
  cross(context) {
    const [x, y] = this.middle;
    this.line(context, [[x - CROSS, y], [x + CROSS, y]], false);
    this.line(context, [[x, y - CROSS], [x, y + CROSS]], false);
  }

  close() {
    this.sized.disconnect();
    cancelAnimationFrame(this.frame);
  }
}
