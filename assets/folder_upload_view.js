// The view of the upload: it shows what the engine does, and asks Python in its name.

// ---- words

const number = (n) => Math.round(n).toLocaleString("en-US");
const plural = (n, one) => `${number(n)} ${one}${n === 1 ? "" : "s"}`;

function amount(bytes) {
  for (const [unit, size] of [["GB", 2 ** 30], ["MB", 2 ** 20], ["KB", 2 ** 10]])
    if (bytes >= size) return `${(bytes / size).toFixed(bytes >= 100 * size ? 0 : 1)} ${unit}`;
  return `${bytes} B`;
}

function time(seconds) {
  if (seconds < 1.5) return "a second";
  if (seconds < 90) return `${number(seconds)} seconds`;
  if (seconds < 5400) return `${number(seconds / 60)} minutes`;
  return seconds < 172_800 ? `${number(seconds / 3600)} hours` : `${number(seconds / 86_400)} days`;
}

// A line break shows as one; of a long name the end is shown, which tells files apart.
function legible(path) {
  const escape = (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
  const plain = path.replace(/\n/g, "\\n").replace(/[\x00-\x1f\x7f-\x9f]/g, escape);
  return plain.length > 50 ? `…${plain.slice(-45)}` : plain;
}

// ---- the view

function make(tag, name, text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text) element.textContent = text;
  return element;
}

function button(text, act, kind = "") {
  const element = make("button", `fu-button ${kind}`.trim(), text);
  element.type = "button";
  element.onclick = act;
  return element;
}

// The speed of the last ten seconds.
function pace(engine, now) {
  const { marks, sent } = engine;
  if (!marks.length || now - marks.at(-1).now > 400) marks.push({ now, ...sent });
  while (marks.length > 2 && now - marks[0].now > 10_000) marks.shift();
  const seconds = (now - marks[0].now) / 1000;
  if (seconds < 0.8) return null;
  return { bytes: (sent.bytes - marks[0].bytes) / seconds, work: (sent.work - marks[0].work) / seconds };
}

class View {
  constructor(root, engine) {
    this.root = root;
    this.engine = engine;
    this.asked = {};
    this.confirming = null;
    this.shown = "";
    this.spoken = "";
    this.timer = 0;
    this.listener = () => this.soon();
    engine.views.add(this.listener);
    this.beat = setInterval(() => this.beatOnce(), 1000);
    root.ondragover = (e) => {
      e.preventDefault();
      if (!engine.busy) root.classList.add("over");
    };
    root.ondragleave = (e) => {
      if (!root.contains(e.relatedTarget)) root.classList.remove("over");
    };
    root.ondrop = (e) => this.dropped(e);
  }

  close() {
    this.engine.views.delete(this.listener);
    clearInterval(this.beat);
    clearTimeout(this.timer);
  }

  update(component) {
    this.component = component;
    this.data = component.data || {};
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
      this.timer = 0;
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

  // what: "folder", "file" or "images"
  browse(what, wish = null) {
    const input = document.createElement("input");
    const kinds = { folder: { multiple: true, webkitdirectory: true }, file: { multiple: true }, images: { multiple: true } };
    Object.assign(input, { type: "file", ...kinds[what] });
    if (what === "images") input.accept = (this.data.accept || []).join(",");
    input.onchange = () => {
      const found = [...input.files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
      this.confirming = null;
      this.engine.choose(found, wish, this.data);
    };
    this.input = input; // an input nobody holds may be collected before it answers
    input.click();
  }

  async dropped(e) {
    e.preventDefault();
    this.root.classList.remove("over");
    const { engine } = this;
    if (engine.busy) return;
    const entries = [...(e.dataTransfer?.items || [])].map((i) => i.webkitGetAsEntry?.()).filter(Boolean);
    if (!entries.length) return;
    const kept = engine.ticket && { name: engine.name, ticket: engine.ticket };
    const run = engine.look();
    if (kept) Object.assign(engine, kept);
    const found = [];
    try {
      const tell = (n) => run === engine.run && engine.set("looking", { found: n });
      for (const entry of entries) await filesOfEntry(entry, found, tell);
    } catch {
      if (run === engine.run) engine.set("stopped", { message: "The browser could not read what was dropped." });
      return;
    }
    if (run === engine.run) engine.choose(found, null, this.data);
  }

  draw() {
    const { engine } = this;
    this.tell();
    const list = ["idle", "stopped", "done"].includes(engine.state) ? this.data.unfinished || [] : [];
    const shape = JSON.stringify([engine.state, engine.message, engine.refused.size, this.confirming, list, engine.name]);
    if (shape !== this.shown) {
      this.shown = shape;
      const focused = this.root.getRootNode().activeElement?.textContent;
      this.parts = {};
      this.root.dataset.state = engine.state;
      const next = engine.state === "done" && !this.images ? [this.zone()] : [];
      const children = [this.main(), ...this.left(), ...next, ...this.unfinished(list)];
      this.root.querySelector(".fu-body").replaceChildren(...children.filter(Boolean));
      if (focused) [...this.root.querySelectorAll("button")].find((b) => b.textContent === focused)?.focus();
    }
    this.numbers();
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
    if (this.images) buttons.append(button("Choose images", () => this.browse("images")));
    else buttons.append(button("Choose a folder", () => this.browse("folder")), button("Choose a file", () => this.browse("file")));
    const title = this.images ? "Drop images here" : "Drop a folder, a zip or a table here";
    zone.append(icon, make("div", "fu-title", title), buttons);
    return zone;
  }

  progress() {
    const { engine, parts } = this;
    const box = make("div", "fu-box");
    parts.title = make("div", "fu-title");
    parts.title.append(make("bdi", "", engine.name || "Looking what is in it"));
    parts.bar = make("div", "fu-bar");
    parts.bar.setAttribute("role", "progressbar");
    parts.bar.setAttribute("aria-label", "Upload");
    parts.fill = make("div");
    parts.bar.append(parts.fill);
    parts.first = make("div", "fu-line pair");
    parts.count = make("span");
    parts.amount = make("span");
    parts.first.append(parts.count, parts.amount);
    parts.second = make("div", "fu-line quiet");
    parts.here = make("div", "fu-line quiet");
    box.append(parts.title, parts.bar, parts.first, parts.second, parts.here);
    if (engine.state !== "checking") box.append(this.cancelling());
    return box;
  }

  // Throwing away what has been sent takes two presses.
  sure(what, question, act) {
    const row = make("div", "fu-row");
    if (this.confirming !== what) return null;
    const no = button("Keep it", () => this.confirm(null));
    row.append(make("span", "fu-question", question), button("Discard", act, "danger"), no);
    return row;
  }

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
    const titles = { full: `No room left for ${engine.name}`, failed, stopped: "Nothing was uploaded" };
    const title = engine.state === "stopped" && engine.ticket ? "The upload stopped" : titles[engine.state];
    const box = make("div", "fu-plain");
    const note = make("div", `fu-note ${engine.state === "full" ? "warning" : "error"}`);
    note.setAttribute("role", "alert");
    note.append(make("b", "", title), make("div", "", engine.message));
    const hints = {
      failed: !engine.isFile && "The files are kept. Mend the folder and choose it again: only what is new or changed is sent.",
      full: engine.ticket && `${amount(engine.doneBytes)} of ${amount(engine.bytes)} are kept on the server.`,
    };
    box.append(note);
    if (hints[engine.state]) box.append(make("p", "fu-line quiet", hints[engine.state]));
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

  // Nothing of it is on the server: the next choice begins anew.
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
    const rest = [];
    if (state === "idle") return rest;
    if (notImages) {
      const text = `${plural(notImages, "file")} left out, by ${notImages === 1 ? "its name no image" : "their names no images"}.`;
      rest.push(make("div", "fu-note warning", text));
    }
    if (tooMany) {
      const text = `The first ${number(this.data.most)} images are taken, ${number(tooMany)} are left out; the command line takes any number.`;
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

  numbers() {
    const { engine, parts } = this;
    if (!parts?.bar) return this.say("");
    const total = engine.items.length;
    const { files, bytes, work } = engine.sent;
    const share = engine.state === "checking" ? 1 : engine.work && total ? Math.min(1, work / engine.work) : 0;
    const vague = ["looking", "asking", "comparing", "checking"].includes(engine.state);
    parts.bar.classList.toggle("vague", vague);
    parts.bar.classList.toggle("waits", engine.state === "lost");
    parts.fill.style.width = `${100 * share}%`;
    if (vague) parts.bar.removeAttribute("aria-valuenow");
    else parts.bar.setAttribute("aria-valuenow", String(Math.floor(100 * share)));
    let first = total ? plural(total, "file") : "";
    let size = total ? amount(engine.bytes) : "";
    let second = "";
    if (engine.state === "looking") first = engine.found ? `${plural(engine.found, "file")} found` : "";
    if (engine.state === "asking") second = "Making room …";
    if (engine.state === "comparing") second = "Looking what is already here …";
    if (engine.state === "checking") second = this.images ? "All images are here." : "Everything is here. Reading the dataset …";
    if (["sending", "lost"].includes(engine.state)) {
      first = engine.isFile ? "" : `${number(files)} of ${plural(total, "file")}`;
      size = `${amount(bytes)} of ${amount(engine.bytes)}`;
      if (engine.state === "lost") {
        second = engine.retry ? `Connection lost, trying again in ${time(engine.retry)}` : "Connection lost, trying again …";
      } else {
        const speed = pace(engine, performance.now());
        second = speed?.bytes > 0 ? `${amount(speed.bytes)}/s · about ${time((engine.work - work) / speed.work)} left` : "Sending …";
      }
    }
    parts.count.textContent = first;
    parts.amount.textContent = size;
    parts.second.textContent = second;
    const hints = [];
    if (engine.isFile && engine.bytesHere) hints.push(`${amount(engine.bytesHere)} were already here.`);
    else if (engine.here) hints.push(`${number(engine.here)} of ${plural(total, "file")} were already here.`);
    if (engine.skipped) hints.push(`${plural(engine.skipped, "hidden file")} left out.`);
    parts.here.textContent = hints.join(" ");
    const tenth = engine.state === "sending" ? `${Math.floor(10 * share) * 10} percent uploaded` : second || first;
    return this.say(engine.state === "lost" ? "Connection lost, trying again" : tenth);
  }

  // For screen readers: a sentence now and then, not every number.
  say(text) {
    if (text === this.spoken) return;
    this.spoken = text;
    this.root.querySelector(".fu-speech").textContent = text;
  }
}

const views = new WeakMap();

export default function (component) {
  const root = component.parentElement.querySelector(".fu");
  if (!root) return undefined;
  const { purpose } = component.data;
  const engine = (globalThis[`${KEY}-${purpose}`] ||= new Engine(purpose));
  let view = views.get(root);
  if (!view) {
    view = new View(root, engine);
    views.set(root, view);
  }
  view.update(component);
  return () => {
    view.close();
    views.delete(root);
  };
}
