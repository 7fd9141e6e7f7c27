// @ts-check
// The charts beside the grid, one at a time; it can be opened wide, above the grid.

import { h, redraw, remember, remembered } from "./core.js";

/** @typedef {{ name: string, text: string, element: HTMLElement, load?: () => void }} Chart load: called when it is shown */

export class Dock {
  /** @param {Chart[]} charts those that have something to show */
  constructor(charts) {
    this.charts = charts;
    const before = remembered("ltnet-chart");
    this.shown = charts.some((c) => c.name === before) ? before : charts[0]?.name;
    this.isWide = false;
    this.bar = h("div", { class: "ga-row ga-charts", role: "group", "aria-label": "Charts" });
    this.opener = h("button", { class: "ga-link", name: "wide", onClick: () => this.widen() });
    this.box = h("div", { class: "ga-dock" }, this.bar, h("div", { class: "ga-charted" }, this.opener, charts.map((c) => c.element)));
    this.beside = h("div", {}, this.box);
    this.above = h("div", { class: "ga-wide" });
    this.beside.hidden = !charts.length;
    this.draw();
  }

  draw() {
    for (const { name, element } of this.charts) element.hidden = name !== this.shown;
    /** @param {Chart} chart */
    const choice = ({ name, text }) => {
      const pressed = String(name === this.shown);
      return h("button", { class: "ga-tab", dataset: { key: `chart:${name}` }, "aria-pressed": pressed, onClick: () => this.show(name) }, text);
    };
    redraw(this.bar, this.charts.length > 1 ? this.charts.map(choice) : null);
    this.opener.textContent = this.isWide ? "beside the images" : "open wide";
    this.opener.setAttribute("aria-expanded", String(this.isWide));
  }

  /** @param {string} name */
  show(name) {
    this.shown = name;
    remember("ltnet-chart", name);
    this.draw();
    this.charts.find((c) => c.name === name)?.load?.();
  }

  widen() {
    this.isWide = !this.isWide;
    (this.isWide ? this.above : this.beside).append(this.box);
    this.draw();
    this.opener.focus();
  }
}
