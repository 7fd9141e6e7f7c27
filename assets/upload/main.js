// @ts-check
// The view of the upload: it shows what the engine does, and asks Python in its name.

import { button, make } from "./elements.js";
import { Engine, KEY } from "./engine.js";
import { filesOfEntry } from "./files.js";
import { ProgressBox } from "./progress_box.js";
import { amount, legible, number, plural, time } from "./words.js";

/** @import { Component, Item, PageData, Purpose, State, Unfinished } from "./types.js" */

class View {
  /**
   * @param {HTMLElement} root
   * @param {Engine} engine
   */
  constructor(root, engine) {
    this.root = root;
    this.engine = engine;
    /** @type {Component | null} */
    this.component = null;
    /** @type {PageData} */
    this.data = { purpose: engine.purpose, ticket: null };
    this.asked = { n: "", at: 0 }; // what Python was asked for last, and when
    /** @type {string | null} */
    this.confirming = null; // what is discarded when it is said again
    /** @type {ProgressBox | null} */
    this.bar = null;
    /** @type {HTMLInputElement | null} */
    this.input = null; // an input nobody holds may be collected before it answers
    this.shown = "";
    this.spoken = "";
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.listener = () => this.soon();
    engine.views.add(this.listener);
    this.beat = setInterval(() => this.beatOnce(), 1000);
    root.ondragover = (e) => {
      e.preventDefault();
      if (!engine.busy) root.classList.add("over");
    };
    root.ondragleave = (e) => {
      if (!(e.relatedTarget instanceof Node && root.contains(e.relatedTarget))) root.classList.remove("over");
    };
    root.ondrop = (e) => this.dropped(e);
  }

  close() {
    this.engine.views.delete(this.listener);
    clearInterval(this.beat);
    clearTimeout(this.timer);
  }

  /** @param {Component} component */
  update(component) {
    this.component = component;
    this.data = component.data;
    this.engine.answered(this.data.ticket);
    this.draw();
  }

  get images() {
    return this.engine.purpose === "images";
  }

  // What the chosen files are called.
  get noun() {
    if (this.images) return "images";
    return this.engine.isFile ? "file" : "folder";
  }

  soon() {
    this.timer ||= setTimeout(() => {
      this.timer = undefined;
      this.draw();
    }, 120);
  }

  // Python may not have heard: it asks again until there is an answer.
  beatOnce() {
    if (["sending", "lost"].includes(this.engine.state)) this.soon();
    this.tell();
  }

  tell() {
    const { request } = this.engine;
    if (!request || !this.component) return;
    const now = performance.now();
    if (this.asked.n === request.n && now - this.asked.at < 4000) return;
    this.asked = { n: request.n, at: now };
    this.component.setTriggerValue("asked", request);
  }

  /**
   * what: "folder", "file" or "images"
   * @param {"folder" | "file" | "images"} what
   * @param {string | null} [wish] the unfinished upload that the files are to complete
   */
  browse(what, wish = null) {
    const input = document.createElement("input");
    const kinds = { folder: { multiple: true, webkitdirectory: true }, file: { multiple: true }, images: { multiple: true } };
    Object.assign(input, { type: "file", ...kinds[what] });
    if (what === "images") input.accept = (this.data.accept || []).join(",");
    input.onchange = () => {
      const files = [...(input.files || [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
      this.confirming = null;
      this.engine.choose(files, wish, this.data);
    };
    this.input = input;
    input.click();
  }

  /** @param {DragEvent} e */
  async dropped(e) {
    e.preventDefault();
    this.root.classList.remove("over");
    const { engine } = this;
    if (engine.busy) return;
    const entries = [...(e.dataTransfer?.items || [])].map((i) => i.webkitGetAsEntry?.()).filter((entry) => entry !== null && entry !== undefined);
    if (!entries.length) return;
    const kept = engine.ticket && { name: engine.name, ticket: engine.ticket };
    const run = engine.look();
    if (kept) Object.assign(engine, kept);
    /** @type {Item[]} */
    const files = [];
    try {
      /** @type {(n: number) => void} */
      const tell = (n) => {
        if (run === engine.run) engine.set("looking", { counted: n });
      };
      for (const entry of entries) await filesOfEntry(entry, files, tell);
    } catch {
      if (run === engine.run) engine.set("stopped", { message: "The browser could not read what was dropped." });
      return;
    }
    if (run === engine.run) engine.choose(files, null, this.data);
  }

  draw() {
    const { engine } = this;
    this.tell();
    const list = ["idle", "stopped", "done"].includes(engine.state) ? this.data.unfinished || [] : [];
    const shape = JSON.stringify([engine.state, engine.message, engine.refused.size, this.confirming, list, engine.name]);
    if (shape !== this.shown) {
      this.shown = shape;
      const root = /** @type {Document | ShadowRoot} */ (this.root.getRootNode());
      const focused = root.activeElement?.textContent;
      this.bar = null;
      this.root.dataset.state = engine.state;
      const next = engine.state === "done" && !this.images ? [this.zone()] : [];
      const children = [this.main(), ...this.left(), ...next, ...this.unfinished(list)];
      this.root.querySelector(".fu-body")?.replaceChildren(...children.filter(Boolean));
      if (focused) [...this.root.querySelectorAll("button")].find((b) => b.textContent === focused)?.focus();
    }
    this.say(this.bar ? this.bar.update() : "");
  }

  main() {
    const { engine } = this;
    switch (engine.state) {
      case "idle":
        return this.zone();
      case "done":
        return this.images ? this.zone() : this.done();
      case "full":
      case "failed":
      case "stopped":
        return this.trouble();
      default:
        return this.progress();
    }
  }

  zone() {
    const zone = make("div", "fu-zone");
    const icon = make("div", "fu-icon");
    icon.setAttribute("aria-hidden", "true");
    const buttons = make("div", "fu-row");
    const folder = button("Choose a folder", () => this.browse("folder"));
    if (this.images) buttons.append(button("Choose images", () => this.browse("images")), folder);
    else buttons.append(folder, button("Choose a file", () => this.browse("file")));
    const title = this.images ? "Drop images, a folder or a zip of them here" : "Drop a folder, a zip or a table here";
    zone.append(icon, make("div", "fu-title", title), buttons);
    return zone;
  }

  progress() {
    this.bar = new ProgressBox(this.engine, this.images);
    if (this.engine.state !== "checking") this.bar.element.append(this.cancelling());
    return this.bar.element;
  }

  /**
   * Throwing away what has been sent takes two presses.
   * @param {string} what
   * @param {string} question
   * @param {() => void} act
   */
  sure(what, question, act) {
    const row = make("div", "fu-row");
    if (this.confirming !== what) return null;
    const no = button("Keep it", () => this.confirm(null));
    row.append(make("span", "fu-question", question), button("Discard", act, "danger"), no);
    return row;
  }

  /** @param {string | null} what */
  confirm(what) {
    this.confirming = what;
    this.draw();
  }

  cancelling() {
    const { engine } = this;
    const act = () => {
      this.confirming = null;
      engine.cancel();
    };
    const sure = this.sure("cancel", "Discard what has been sent?", act);
    if (sure) return sure;
    const row = make("div", "fu-row");
    row.append(button("Cancel", () => (engine.sent.bytes ? this.confirm("cancel") : act())));
    return row;
  }

  trouble() {
    const { engine } = this;
    const failed = engine.isFile ? "This file is not a dataset" : "This folder is not a dataset yet";
    /** @type {Partial<Record<State, string>>} */
    const titles = { full: `No room left for ${engine.name}`, failed, stopped: "Nothing was uploaded" };
    const title = engine.state === "stopped" && engine.ticket ? "The upload stopped" : titles[engine.state] || "";
    const box = make("div", "fu-plain");
    const note = make("div", `fu-note ${engine.state === "full" ? "warning" : "error"}`);
    note.setAttribute("role", "alert");
    note.append(make("b", "", title), make("div", "", engine.message));
    /** @type {Partial<Record<State, string | false | null>>} */
    const hints = {
      failed: !engine.isFile && "The files are kept. Mend the folder and choose it again: only what is new or changed is sent.",
      full: engine.ticket && `${amount(engine.doneBytes)} of ${amount(engine.bytes)} are kept on the server.`,
    };
    box.append(note);
    const hint = hints[engine.state];
    if (hint) box.append(make("p", "fu-line quiet", hint));
    const act = () => {
      this.confirming = null;
      engine.cancel();
    };
    const sure = this.sure("cancel", "Discard what has been sent?", act);
    if (sure) {
      box.append(sure);
      return box;
    }
    const row = make("div", "fu-row");
    if (engine.ticket && engine.state !== "failed") row.append(button("Try again", () => engine.again(), "primary"));
    else if (engine.state === "failed" && !engine.isFile)
      row.append(button("Choose the folder again", () => this.browse("folder"), "primary"));
    else return this.afresh(box);
    row.append(engine.ticket ? button("Discard", () => this.confirm("cancel")) : button("Close", () => engine.reset()));
    box.append(row);
    return box;
  }

  /**
   * Nothing of it is on the server: the next choice begins anew.
   * @param {HTMLElement} box
   */
  afresh(box) {
    const whole = make("div", "fu-plain");
    whole.append(...box.childNodes, this.zone());
    return whole;
  }

  done() {
    const { engine } = this;
    const box = make("div", "fu-plain");
    const note = make("div", "fu-note good");
    const title = make("b");
    title.append(make("bdi", "", engine.name), " is here");
    const sent = engine.items.length - engine.refused.size;
    note.append(title, make("div", "", `${plural(sent, "file")}, ${amount(engine.bytes)}, in ${time(engine.seconds)}.`));
    box.append(note);
    if (engine.refused.size) {
      const row = make("div", "fu-row");
      row.append(button("Open the dataset", () => engine.want({ kind: "done", dataset: engine.dataset }), "primary"));
      box.append(row);
    }
    return box;
  }

  // Files that were left out.
  left() {
    const { refused, state, notImages, tooMany } = this.engine;
    /** @type {HTMLElement[]} */
    const rest = [];
    if (state === "idle") return rest;
    if (notImages) {
      const text = `${plural(notImages, "file")} left out, by ${notImages === 1 ? "its name no image" : "their names no images"}.`;
      rest.push(make("div", "fu-note warning", text));
    }
    if (tooMany) {
      const text = `The first ${number(this.data.most || 0)} images are taken, ${number(tooMany)} are left out; the command line takes any number.`;
      rest.push(make("div", "fu-note warning", text));
    }
    if (!refused.size || (state === "stopped" && this.engine.items.length === 1)) return rest;
    const note = make("div", "fu-note warning");
    note.append(make("b", "", `${plural(refused.size, "file")} left out`));
    const list = make("ul");
    for (const [path, why] of [...refused].slice(0, 5)) {
      const line = make("li");
      line.append(make("bdi", "fu-name", legible(path)), ` ${why}`);
      list.append(line);
    }
    if (refused.size > 5) list.append(make("li", "", `and ${number(refused.size - 5)} more`));
    note.append(list);
    return [note, ...rest];
  }

  /** @param {Unfinished[]} list */
  unfinished(list) {
    if (!list.length) return [];
    const box = make("div", "fu-unfinished");
    const head = make("p", "fu-line quiet", "Not finished yet. Choose the same folder or file again, and only the rest is sent.");
    box.append(head);
    for (const upload of list.slice(0, 5)) {
      const item = make("div", "fu-item");
      const name = make("div", "fu-title");
      name.append(make("bdi", "", upload.name));
      const when = upload.active ? "a moment ago" : `${time(upload.idle)} ago`;
      const part = upload.isFile
        ? `${amount(upload.bytesHere)} of ${amount(upload.bytes)}`
        : `${number(upload.here)} of ${plural(upload.files, "file")}`;
      const have = `${part} are already here · ${when}`;
      item.append(name, make("div", "fu-line quiet", have));
      const act = () => {
        this.confirming = null;
        this.engine.forget();
        this.engine.want({ kind: "discard", id: upload.id });
      };
      const sure = this.sure(upload.id, "Discard it?", act);
      const row = make("div", "fu-row");
      const goOn = button("Go on …", () => this.browse(upload.isFile ? "file" : "folder", upload.id));
      row.append(goOn, button("Discard", () => this.confirm(upload.id)));
      item.append(sure || row);
      box.append(item);
    }
    if (list.length > 5) box.append(make("div", "fu-line quiet", `and ${number(list.length - 5)} more`));
    return [box];
  }

  /**
   * For screen readers: a sentence now and then, not every number.
   * @param {string} text
   */
  say(text) {
    if (text === this.spoken) return;
    this.spoken = text;
    const speech = this.root.querySelector(".fu-speech");
    if (speech) speech.textContent = text;
  }
}

/**
 * The engine of this tab; it outlives the page and this module.
 * @param {Purpose} purpose
 * @returns {Engine}
 */
function engineOf(purpose) {
  const kept = /** @type {any} */ (globalThis);
  return (kept[`${KEY}-${purpose}`] ||= new Engine(purpose));
}

/**
 * The view of each place on a page.
 * @type {WeakMap<ParentNode, View>}
 */
const views = new WeakMap();

/** @param {Component} component */
export default function (component) {
  const { parentElement, data } = component;
  /** @type {HTMLElement | null} */
  const root = parentElement.querySelector(".fu");
  if (!root) return undefined;
  let view = views.get(parentElement);
  if (view?.root !== root || view.engine.purpose !== data.purpose) {
    view?.close();
    view = new View(root, engineOf(data.purpose));
    views.set(parentElement, view);
  }
  view.update(component);
  return () => {
    // Streamlit calls this too where new data came before this call had ended: the view is still on the page then.
    if (root.isConnected) return;
    views.get(parentElement)?.close();
    views.delete(parentElement);
  };
}
