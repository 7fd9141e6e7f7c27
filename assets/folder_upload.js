// The folder upload. The engine sends files and outlives the page's reruns, the view shows what it does.

const KEY = "ltnet-folder-upload-1";
const CHUNK = 8 * 2 ** 20; // larger files go in pieces, so that a torn connection costs one piece
const BATCH_BYTES = 4 * 2 ** 20;
const BATCH_FILES = 400;
const LANES = 3; // requests in flight
const STALL = 90_000; // without a sign of life a request is given up …
const THINKING = 1_800_000; // … but a large dataset takes its time to be read
const LONGEST_WAIT = 10;
const FILE_COST = 8192; // a small file takes as long as this many bytes; makes progress and time left even

const encoder = new TextEncoder();
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// ---- finding files

const hidden = (path) => path.split("/").some((part) => part.startsWith(".") || part.startsWith("__MACOSX"));

async function filesOfEntry(entry, found, tell) {
  if (entry.isFile) {
    const path = entry.fullPath.replace(/^\//, "");
    found.push({ path, file: await new Promise((ok, no) => entry.file(ok, no)) });
    if (found.length % 200 === 0) tell(found.length);
    return;
  }
  if (entry.name.startsWith(".")) return;
  const reader = entry.createReader();
  for (;;) {
    const part = await new Promise((ok, no) => reader.readEntries(ok, no)); // gives a hundred at a time
    if (!part.length) return;
    await Promise.all(part.map((e) => filesOfEntry(e, found, tell)));
  }
}

// The chosen folder is the dataset: its own name is not part of the paths. A folder that only wraps it is not either.
function arrange(found) {
  let items = found.filter((f) => !hidden(f.path));
  const skipped = found.length - items.length;
  let name = "";
  for (;;) {
    const top = items.length ? items[0].path.split("/", 1)[0] + "/" : "";
    if (!top || !items.every((f) => f.path.startsWith(top))) break;
    if (name && !items.some((f) => f.path === top + "annotations.csv")) break;
    name ||= top.slice(0, -1);
    items = items.map((f) => ({ ...f, path: f.path.slice(top.length) }));
  }
  const tops = [...new Set(items.map((f) => f.path.split("/", 1)[0]))];
  name ||= tops.length > 2 ? `${tops[0]} and ${tops.length - 1} more` : tops.join(" and ");
  return { name, items, skipped, bytes: items.reduce((sum, f) => sum + f.file.size, 0) };
}

// ---- HTTP

class Answer extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

class Lost extends Error {}

// Pages are one part below the server's base path, so this holds behind any prefix.
const address = (id, rest = "") => new URL(`api/uploads/${id}${rest}`, window.location.href).href;

function ask(method, url, token, { body = null, progress = null, requests = null, patience = STALL } = {}) {
  return new Promise((ok, no) => {
    const xhr = new XMLHttpRequest();
    let timer = 0;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => xhr.abort(), patience);
    };
    const over = () => {
      clearTimeout(timer);
      requests?.delete(xhr);
    };
    xhr.open(method, url);
    xhr.setRequestHeader("X-Upload-Token", token);
    xhr.upload.onprogress = (e) => {
      alive();
      progress?.(e.loaded);
    };
    xhr.onprogress = alive;
    xhr.onerror = xhr.onabort = () => {
      over();
      no(new Lost());
    };
    xhr.onload = () => {
      over();
      let told = null;
      try {
        told = JSON.parse(xhr.responseText);
      } catch {
        // not from the app: a proxy's page, or an answer cut short
      }
      if (xhr.status >= 200 && xhr.status < 300 && told) ok(told);
      else if (told && told.error) no(new Answer(xhr.status, told.error));
      else no(new Lost());
    };
    requests?.add(xhr);
    alive();
    xhr.send(body);
  });
}

function frame(item, from = null, to = null) {
  const header = { path: item.path, size: item.file.size, modified: Math.max(0, item.file.lastModified) };
  let content = item.file;
  if (from !== null) {
    content = item.file.slice(from, to);
    Object.assign(header, { size: to - from, offset: from, total: item.file.size });
  }
  const text = encoder.encode(JSON.stringify(header));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, text.length);
  return [length, text, content];
}

// ---- the engine

class Engine {
  constructor() {
    this.views = new Set();
    this.reset();
  }

  reset() {
    this.state = "idle"; // looking asking comparing sending lost checking done full failed stopped
    this.run = (this.run || 0) + 1; // whatever belongs to an earlier run stops by itself
    for (const xhr of this.requests || []) xhr.abort();
    this.requests = new Set();
    Object.assign(this, { name: "", items: [], skipped: 0, bytes: 0, ticket: null, request: null, message: "" });
    Object.assign(this, { refused: new Map(), here: 0, doneFiles: 0, doneBytes: 0, doneWork: 0, flying: new Map() });
    Object.assign(this, { seconds: 0, dataset: null, found: 0, marks: [], waiting: null, failures: 0 });
    this.changed();
  }

  set(state, more = {}) {
    this.state = state;
    Object.assign(this, more);
    this.changed();
  }

  changed() {
    for (const view of this.views) view();
  }

  get busy() {
    return !["idle", "done", "full", "failed", "stopped"].includes(this.state);
  }

  // What to ask Python for: {kind: "begin" | "go on" | "discard" | "done", …}. Asked until it is answered.
  want(request) {
    this.request = { ...request, n: `${Date.now()}-${Math.random()}` };
    this.changed();
  }

  answered(ticket) {
    if (!this.request || !ticket || ticket.n !== this.request.n) return;
    const kind = this.request.kind;
    this.request = null;
    if (kind === "begin" || kind === "go on") {
      if (ticket.error) this.set("stopped", { message: ticket.error });
      else this.start(ticket);
    }
  }

  remember() {
    try {
      const { name, ticket } = this;
      sessionStorage.setItem(KEY, JSON.stringify({ name, ticket }));
    } catch {
      // private windows: the unfinished upload is found through the list instead
    }
  }

  forget() {
    try {
      sessionStorage.removeItem(KEY);
    } catch {
      // as above
    }
  }

  remembered() {
    try {
      return JSON.parse(sessionStorage.getItem(KEY) || "null");
    } catch {
      return null;
    }
  }

  look() {
    this.reset();
    this.set("looking");
    return this.run;
  }

  // Files were chosen. wish: the unfinished upload they are to complete; unfinished: those there are.
  choose(found, wish, unfinished) {
    const earlier = this.ticket && { name: this.name, ticket: this.ticket };
    this.reset();
    const folder = arrange(found);
    if (!folder.items.length) {
      const none = found.length ? "This folder has only hidden files." : "This folder is empty.";
      return this.set("stopped", { message: none });
    }
    if (folder.items.length === 1 && !folder.items[0].path.includes("/") && /\.zip$/i.test(folder.items[0].path))
      return this.set("stopped", { message: "A zip goes into the field below; here goes a folder." });
    this.set("asking", folder);
    const { name, bytes } = folder;
    const files = folder.items.length;
    const mine = earlier || this.remembered();
    if (!wish && mine && mine.name === name) return this.start(mine.ticket);
    const same = unfinished.find((u) => u.name === name && u.files === files && u.bytes === bytes && !u.active);
    const id = wish || same?.id;
    return this.want(id ? { kind: "go on", id } : { kind: "begin", name, files, bytes });
  }

  async start(ticket) {
    const run = this.run;
    this.ticket = ticket;
    this.started = performance.now();
    this.remember();
    try {
      await this.transfer(run);
    } catch (e) {
      if (run !== this.run) return;
      if (e instanceof Answer && e.status === 404 && this.state === "comparing") {
        // It was discarded or finished elsewhere: begin anew.
        this.forget();
        this.set("asking", { ticket: null });
        this.want({ kind: "begin", name: this.name, files: this.items.length, bytes: this.bytes });
        return;
      }
      for (const xhr of this.requests) xhr.abort();
      this.run += 1;
      if (!(e instanceof Answer)) console.error(e);
      if (e.status === 507) this.set("full", { message: e.message });
      else if (e.status === 422) this.set("failed", { message: e.message });
      else this.set("stopped", { message: e.message || "The upload stopped." });
    }
  }

  async transfer(run) {
    for (let round = 0; ; round++) {
      this.set("comparing");
      const jobs = this.plan(await this.send(run, "GET", ""), round === 0);
      if (jobs.stale.length) await this.send(run, "POST", "/remove", () => JSON.stringify(jobs.stale));
      this.set("sending", { marks: [] });
      const lanes = Array.from({ length: LANES }, () => this.lane(run, jobs.queue));
      await Promise.all(lanes);
      this.set("checking");
      const kept = this.items.filter((f) => !this.refused.has(f.path));
      const told = { files: kept.length, bytes: kept.reduce((sum, f) => sum + f.file.size, 0) };
      try {
        const { dataset } = await this.send(run, "POST", "/finish", () => JSON.stringify(told));
        this.forget();
        this.seconds = (performance.now() - this.started) / 1000;
        this.set("done", { dataset, ticket: null });
        if (!this.refused.size) this.want({ kind: "done", dataset });
        return;
      } catch (e) {
        if (!(e instanceof Answer) || e.status !== 409 || round === 2) throw e;
      }
    }
  }

  // What is left to send, what the server should drop.
  plan({ files, parts }, first) {
    const left = [];
    const mine = new Set();
    Object.assign(this, { here: 0, doneFiles: 0, doneBytes: 0, doneWork: 0, flying: new Map() });
    for (const item of this.items) {
      mine.add(item.path);
      if (this.refused.has(item.path)) continue;
      const known = Object.hasOwn(files, item.path) ? files[item.path] : null;
      // Some file systems keep times to two seconds.
      if (known && known[0] === item.file.size && Math.abs(known[1] - item.file.lastModified) <= 2000)
        this.booked(item.file.size, 1);
      else left.push(item);
    }
    if (first) this.here = this.doneFiles;
    const queue = [];
    let batch = [];
    let size = 0;
    const flush = () => {
      if (batch.length) queue.push({ batch, size });
      [batch, size] = [[], 0];
    };
    for (const item of left) {
      if (item.file.size > CHUNK) {
        const known = Object.hasOwn(parts, item.path) ? parts[item.path] : null;
        const same = known && known[1] === item.file.size && known[2] === Math.max(0, item.file.lastModified);
        queue.push({ large: item, from: same ? known[0] : 0 });
        if (same) this.booked(known[0], 0);
        continue;
      }
      if (size + item.file.size > BATCH_BYTES || batch.length >= BATCH_FILES) flush();
      batch.push(item);
      size += item.file.size;
    }
    flush();
    // Large files first: one alone at the end would leave the other lanes idle.
    queue.sort((a, b) => Boolean(b.large) - Boolean(a.large));
    return { queue, stale: Object.keys(files).filter((path) => !mine.has(path)) };
  }

  booked(bytes, files) {
    this.doneBytes += bytes;
    this.doneFiles += files;
    this.doneWork += bytes + files * FILE_COST;
  }

  get work() {
    return this.bytes + this.items.length * FILE_COST;
  }

  get sent() {
    let flying = 0;
    for (const bytes of this.flying.values()) flying += bytes;
    return { files: this.doneFiles, bytes: this.doneBytes + flying, work: this.doneWork + flying };
  }

  async lane(run, queue) {
    while (queue.length && run === this.run) {
      const job = queue.shift();
      if (job.large) await this.sendLarge(run, job);
      else await this.sendBatch(run, job.batch);
    }
  }

  refuse(path, why) {
    this.refused.set(path, why);
    this.changed();
  }

  async sendBatch(run, batch) {
    const told = await this.send(run, "POST", "/files", async (attempt) => {
      if (attempt) batch = await this.readable(batch);
      return new Blob(batch.flatMap((item) => frame(item)));
    });
    for (const [path, why] of Object.entries(told.refused)) this.refuse(path, why);
    for (const item of batch) this.booked(item.file.size, this.refused.has(item.path) ? 0 : 1);
    this.changed();
  }

  async sendLarge(run, { large, from }) {
    const size = large.file.size;
    while (from < size) {
      const to = Math.min(size, from + CHUNK);
      const told = await this.send(run, "POST", "/files", async (attempt) => {
        if (attempt && !(await this.readable([large])).length) return new Blob();
        return new Blob(frame(large, from, to));
      });
      for (const [path, why] of Object.entries(told.refused)) this.refuse(path, why);
      if (this.refused.has(large.path)) return this.booked(size - from, 0);
      this.booked(to - from, to === size ? 1 : 0);
      this.changed();
      from = to;
    }
  }

  // A file that was moved or changed after it was chosen looks like a lost connection: tell them apart.
  async readable(batch) {
    const good = [];
    for (const item of batch) {
      try {
        await item.file.slice(0, 1).arrayBuffer();
        good.push(item);
      } catch {
        this.refuse(item.path, "could not be read; it was moved or changed meanwhile");
      }
    }
    return good;
  }

  // One request, repeated for as long as nobody answers. Everything asked of the server may be asked twice.
  async send(run, method, rest, body = () => null) {
    for (let attempt = 0; ; attempt++) {
      const mark = {};
      const content = await body(attempt);
      if (run !== this.run) return new Promise(() => {}); // cancelled: never goes on
      try {
        const told = await ask(method, address(this.ticket.id, rest), this.ticket.token, {
          body: content,
          requests: this.requests,
          patience: rest === "/files" ? STALL : THINKING,
          progress: rest === "/files" ? (loaded) => this.fly(mark, Math.min(loaded, content.size)) : null,
        });
        this.flying.delete(mark);
        if (run !== this.run) return new Promise(() => {});
        this.failures = 0;
        if (this.state === "lost") this.set(this.before);
        return told;
      } catch (e) {
        this.flying.delete(mark);
        if (run !== this.run) return new Promise(() => {});
        // Another request still writes this part of a file: it belongs to a connection the server thinks alive.
        const again = e instanceof Lost || (e.status === 409 && rest === "/files" && attempt < 20);
        if (!again) throw e;
        await this.pause();
        if (run !== this.run) return new Promise(() => {});
      }
    }
  }

  fly(mark, bytes) {
    this.flying.set(mark, bytes);
    this.changed();
  }

  // All lanes wait for one and the same timer.
  pause() {
    this.waiting ||= (async () => {
      const run = this.run;
      this.failures += 1;
      let left = Math.min(LONGEST_WAIT, 2 ** (this.failures - 1));
      if (this.state !== "lost") this.before = this.state;
      for (; left > 0 && run === this.run; left -= 1) {
        this.set("lost", { retry: left, marks: [] });
        await sleep(1000);
      }
      if (run === this.run) this.set("lost", { retry: 0 });
      this.waiting = null;
    })();
    return this.waiting;
  }

  again() {
    this.run += 1;
    this.message = "";
    this.start(this.ticket);
  }

  async cancel() {
    const { ticket } = this;
    this.forget();
    this.reset();
    if (!ticket) return;
    try {
      await ask("DELETE", address(ticket.id), ticket.token);
    } catch {
      // not reachable: it stays in the list of unfinished uploads
    }
    if (this.state === "idle" && !this.request) this.want({ kind: "look" });
  }
}

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

  browse(wish = null) {
    const input = document.createElement("input");
    Object.assign(input, { type: "file", multiple: true, webkitdirectory: true });
    input.onchange = () => {
      const found = [...input.files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
      this.confirming = null;
      this.engine.choose(found, wish, this.data.unfinished || []);
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
      if (run === engine.run) engine.set("stopped", { message: "The browser could not read this folder." });
      return;
    }
    if (run === engine.run) engine.choose(found, null, this.data.unfinished || []);
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
      const next = engine.state === "done" ? [this.zone()] : [];
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
        return this.done();
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
    zone.append(icon, make("div", "fu-title", "Drop a folder here"), button("Choose a folder", () => this.browse()));
    return zone;
  }

  progress() {
    const { engine, parts } = this;
    const box = make("div", "fu-box");
    parts.title = make("div", "fu-title");
    parts.title.append(make("bdi", "", engine.name || "Reading the folder"));
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
    const titles = { full: "No room left", failed: "This folder is not a dataset yet", stopped: "Nothing was uploaded" };
    const title = engine.state === "stopped" && engine.ticket ? "The upload stopped" : titles[engine.state];
    const box = make("div", "fu-plain");
    const note = make("div", `fu-note ${engine.state === "full" ? "warning" : "error"}`);
    note.setAttribute("role", "alert");
    note.append(make("b", "", title), make("div", "", engine.message));
    const hints = {
      failed: "The files are kept. Mend the folder and choose it again: only what is new or changed is sent.",
      full: `${plural(engine.doneFiles, "file")} (${amount(engine.doneBytes)}) are kept on the server.`,
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
    if (engine.state === "full" || (engine.state === "stopped" && engine.ticket))
      row.append(button("Try again", () => engine.again(), "primary"));
    else row.append(button("Choose the folder again", () => this.browse(), "primary"));
    row.append(engine.ticket ? button("Discard", () => this.confirm("cancel")) : button("Close", () => engine.reset()));
    box.append(row);
    return box;
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
    const { refused, state } = this.engine;
    if (!refused.size || state === "idle") return [];
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
    return [note];
  }

  unfinished(list) {
    if (!list.length) return [];
    const box = make("div", "fu-unfinished");
    const head = make("p", "fu-line quiet", "Not finished yet. Choose the same folder again, and only the rest is sent.");
    box.append(head);
    for (const upload of list.slice(0, 5)) {
      const item = make("div", "fu-item");
      const name = make("div", "fu-title");
      name.append(make("bdi", "", upload.name));
      const when = upload.active ? "a moment ago" : `${time(upload.idle)} ago`;
      const have = `${number(upload.here)} of ${plural(upload.files, "file")} are already here · ${when}`;
      item.append(name, make("div", "fu-line quiet", have));
      const act = () => {
        this.confirming = null;
        this.engine.forget();
        this.engine.want({ kind: "discard", id: upload.id });
      };
      const sure = this.sure(upload.id, "Discard it?", act);
      const row = make("div", "fu-row");
      const goOn = button("Go on …", () => this.browse(upload.id));
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
    if (engine.state === "looking") first = engine.found ? `${plural(engine.found, "file")} found` : "Looking what is in it …";
    if (engine.state === "asking") second = "Making room …";
    if (engine.state === "comparing") second = "Looking what is already here …";
    if (engine.state === "checking") second = "All files are here. Reading the dataset …";
    if (["sending", "lost"].includes(engine.state)) {
      first = `${number(files)} of ${plural(total, "file")}`;
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
    if (engine.here) hints.push(`${number(engine.here)} of ${plural(total, "file")} were already here.`);
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
  const engine = (globalThis[KEY] ||= new Engine());
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
