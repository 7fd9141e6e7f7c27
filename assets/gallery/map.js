// @ts-check
// All images as points that lie close where the network sees them alike; an area that is drawn around some filters the images.

import { chosenOf, written } from "./choices.js";
import { titleOf } from "./class_table.js";
import { BY_CONFIDENCE, BY_LABELS } from "./constants.js";
import { counted, h, messageOf, named, percent, redraw, remember, remembered, sleep, whole } from "./core.js";
import { Latest } from "./latest.js";
import { FAINT, meaningOf, meanings } from "./map_colours.js";
import { MapCanvas } from "./map_canvas.js";
import { Points } from "./map_points.js";
import { Answer } from "./server.js";

/** @import { Meaning } from "./map_colours.js" */
/** @import { Gallery } from "./main.js" */
/** @import { MapState, Region } from "./types.js" */

const LOOK_AGAIN = 1000; // ms while it is being made
const MOST_IN_LEGEND = 40;

export class ImageMap {
  /** @param {Gallery} app */
  constructor(app) {
    this.app = app;
    this.element = h("section", { class: "ga-map", "aria-label": "Map of the images" });
    this.by = this.first();
    /** @type {Points | null} */
    this.points = null;
    /** @type {Region[]} */
    this.regions = [];
    /** @type {Meaning[]} */
    this.meanings = [];
    this.of = 0; // images of the run
    this.message = "";
    this.failed = false;
    this.bringing = false;
    this.colours = /** @type {Latest<ArrayBuffer>} */ (new Latest(app, "map/colours", async (path, params) => (await app.server.fetch(path, params)).arrayBuffer()));
    this.latest = /** @type {Latest<{regions: Region[]}>} */ (new Latest(app, "map/regions"));
    this.canvas = new MapCanvas(this);
    this.list = h("div", { class: "ga-regions" });
    this.unfolded = h("details", { class: "ga-facet" }, h("summary", {}, "Regions of the map"), this.list);
    this.legend = h("div", { class: "ga-key" });
    this.said = h("p", { class: "ga-quiet", role: "status" });
    this.again = h("button", { class: "ga-button", hidden: true, onClick: () => this.bring(true) }, "Make the map again");
    this.select = h("select", { name: "map-by", onChange: () => this.recolour() }, this.choices().map(([value, text]) => h("option", { value, selected: value === this.by }, text)));
    this.element.append(
      h("h2", {}, "Map"),
      h("label", { class: "ga-row ga-against" }, h("span", { class: "ga-quiet" }, "Coloured by"), this.select),
      this.said,
      this.again,
      this.canvas.element,
      this.legend,
      this.unfolded,
    );
    this.draw();
  }

  // What it was coloured by last.
  first() {
    const before = remembered("ltnet-map-by");
    const known = this.choices().map(([value]) => value);
    return known.includes(before) ? before : known[0];
  }

  /** @returns {[value: string, text: string][]} */
  choices() {
    const { app } = this;
    const columns = app.data.columns.map((c) => /** @type {[string, string]} */ ([c, titleOf(app, c)]));
    return [...columns, [BY_LABELS, "whether coders differ"], [BY_CONFIDENCE, "confidence"]];
  }

  recolour() {
    this.by = this.select.value;
    remember("ltnet-map-by", this.by);
    this.load();
  }

  // Nothing of the map is asked for until somebody looks at it.
  load() {
    const { app } = this;
    if (app.dock.shown !== "map" || app.closed) return;
    if (!this.points) {
      this.bring(false);
      return;
    }
    const by = this.by;
    this.canvas.draw();
    this.colours.ask({ ...app.wish(), by }, (data, turn) => {
      this.points?.colour(data);
      this.meanings = meanings(app, by);
      this.draw();
      this.element.dataset.version = String(turn);
    }, (message) => this.say(message));
    this.latest.ask(app.wish(), ({ regions }) => {
      this.regions = regions;
      this.drawRegions();
    });
  }

  /**
   * The points, once they have been made.
   * @param {boolean} anew whether to make them though that has failed
   */
  async bring(anew) {
    const { app } = this;
    if (this.bringing) return;
    this.bringing = true;
    try {
      let state = await this.state(anew);
      if (state.state === "none") state = await this.state(true);
      while (state.state === "making" && !app.closed) {
        this.say(`The map of ${counted(state.of, "image")} is being made. That takes seconds for a few thousand and minutes for 50,000.`);
        await sleep(LOOK_AGAIN);
        state = await this.state(false);
      }
      if (app.closed) return;
      if (state.state !== "made") {
        this.say(state.message || "The map has not been made.", true);
        return;
      }
      this.of = state.of;
      this.points = new Points(await (await app.server.fetch("map/points", {})).arrayBuffer());
      this.canvas.view.fit(...this.points.corners());
      this.say(this.points.length < this.of ? `A sample of ${whole(this.points.length)} of ${whole(this.of)} images.` : "");
    } catch (error) {
      this.say(error instanceof Answer ? error.message : `The server does not answer (${messageOf(error)}).`, true);
      return;
    } finally {
      this.bringing = false;
    }
    app.facets.load();
    this.load();
  }

  /**
   * @param {boolean} begin
   * @returns {Promise<MapState>}
   */
  state(begin) {
    return begin ? this.app.server.post("map", {}) : this.app.server.json("map");
  }

  /**
   * @param {string} message
   * @param {boolean} [failed]
   */
  say(message, failed = false) {
    this.message = message;
    this.failed = failed;
    this.draw();
  }

  /** @param {number} code */
  colourOf(code) {
    return this.meanings[meaningOf(this.by, code)]?.colour ?? FAINT;
  }

  /**
   * What a point is coloured by, in words.
   * @param {number} n
   */
  meaningOf(n) {
    return this.meanings[meaningOf(this.by, this.points?.code[n] ?? -1)]?.text ?? "";
  }

  draw() {
    this.said.hidden = !this.message;
    if (this.said.textContent !== this.message) this.said.textContent = this.message;
    this.again.hidden = !this.failed;
    this.canvas.element.hidden = !this.points;
    this.unfolded.hidden = !this.points;
    redraw(
      this.legend,
      this.meanings.slice(0, MOST_IN_LEGEND).map(({ colour, text }) => h("span", { class: "ga-keyed" }, h("i", { style: { backgroundColor: `rgb(${colour.join(" ")})` } }), named(text))),
    );
    this.canvas.draw();
  }

  drawRegions() {
    const { app } = this;
    const chosen = chosenOf(app.view, "region");
    redraw(
      this.list,
      this.regions.map((region) => {
        const number = String(region.number);
        const on = chosen.includes(number);
        const left = chosen.filter((n) => n !== number);
        return h(
          "button",
          {
            class: "ga-who",
            "aria-pressed": String(on),
            dataset: { key: `region:${number}` },
            onClick: () => app.set({ region: written("region", on ? left : [...left, number]) }),
          },
          h("b", {}, `${number}: `, region.images ? named(app.data.classes[region.truth]) : "none of the view"),
          h("span", {}, region.images ? `${percent(region.share)} of ${counted(region.images, "image")}; coders differ on ${percent(region.differ)}` : `${counted(region.of, "image")} in all`),
        );
      }),
    );
  }

  close() {
    this.canvas.close();
  }
}
