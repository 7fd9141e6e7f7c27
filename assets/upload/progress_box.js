// @ts-check
// The bar of an upload under way, and what stands beside it.

import { make } from "./elements.js";
import { progressTexts } from "./progress.js";
import { amount, number, plural } from "./words.js";

/** @import { Engine } from "./engine.js" */

const VAGUE = ["looking", "asking", "comparing", "checking"]; // how long it takes is not known

export class ProgressBox {
  /**
   * @param {Engine} engine
   * @param {boolean} images whether they are images to predict
   */
  constructor(engine, images) {
    this.engine = engine;
    this.images = images;
    const title = make("div", "fu-title");
    title.append(make("bdi", "", engine.name || "Looking what is in it"));
    this.bar = make("div", "fu-bar");
    this.bar.setAttribute("role", "progressbar");
    this.bar.setAttribute("aria-label", "Upload");
    this.fill = make("div");
    this.bar.append(this.fill);
    const first = make("div", "fu-line pair");
    this.count = make("span");
    this.amount = make("span");
    first.append(this.count, this.amount);
    this.second = make("div", "fu-line quiet");
    this.here = make("div", "fu-line quiet");
    this.element = make("div", "fu-box");
    this.element.append(title, this.bar, first, this.second, this.here);
  }

  // Show the numbers as they are; returns what a screen reader says.
  update() {
    const { engine } = this;
    const share = this.share();
    const vague = VAGUE.includes(engine.state);
    this.bar.classList.toggle("vague", vague);
    this.bar.classList.toggle("waits", engine.state === "lost");
    this.fill.style.width = `${100 * share}%`;
    if (vague) this.bar.removeAttribute("aria-valuenow");
    else this.bar.setAttribute("aria-valuenow", String(Math.floor(100 * share)));
    const { first, size, second } = progressTexts(engine, this.images);
    this.count.textContent = first;
    this.amount.textContent = size;
    this.second.textContent = second;
    this.here.textContent = this.hints().join(" ");
    if (engine.state === "lost") return "Connection lost, trying again";
    return engine.state === "sending" ? `${Math.floor(10 * share) * 10} percent uploaded` : second || first;
  }

  share() {
    const { engine } = this;
    if (engine.state === "checking") return 1;
    return engine.work && engine.items.length ? Math.min(1, engine.sent.work / engine.work) : 0;
  }

  hints() {
    const { engine } = this;
    const hints = [];
    if (engine.isFile && engine.bytesHere) hints.push(`${amount(engine.bytesHere)} were already here.`);
    else if (engine.here) hints.push(`${number(engine.here)} of ${plural(engine.items.length, "file")} were already here.`);
    if (engine.skipped) hints.push(`${plural(engine.skipped, "hidden file")} left out.`);
    return hints;
  }
}
