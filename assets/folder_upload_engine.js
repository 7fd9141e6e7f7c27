// The engine of the upload: it sends files and outlives the page's reruns. It knows nothing of how it is shown.

class Engine {
  // purpose: "dataset", or "images" to predict, which go with the page's session and so are never gone on with.
  constructor(purpose) {
    this.purpose = purpose;
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
    Object.assign(this, { notImages: 0, tooMany: 0, bytesHere: 0 });
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
    if (this.purpose !== "dataset") return;
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
    if (this.purpose !== "dataset") return null;
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

  // Files were chosen. wish: the unfinished upload they are to complete; data: what the page says.
  choose(found, wish, data) {
    const earlier = this.purpose === "dataset" && this.ticket && { name: this.name, ticket: this.ticket };
    this.reset();
    const chosen = arrange(found);
    if (!chosen.items.length) {
      const none = found.length ? "There are only hidden files in it." : "There is nothing in it.";
      return this.set("stopped", { message: none });
    }
    if (this.purpose === "images") this.takeImages(chosen, data);
    else if (chosen.items.length > 1 && chosen.items.every(isZip))
      return this.set("stopped", { message: "These are several zips; bring one at a time." });
    if (!chosen.items.length) return this.set("stopped", { message: "None of these files is an image." });
    this.set("asking", chosen);
    const { name, bytes } = chosen;
    const files = chosen.items.length;
    const mine = earlier || this.remembered();
    if (!wish && mine && mine.name === name) return this.start(mine.ticket);
    const unfinished = data.unfinished || [];
    const same = unfinished.find((u) => u.name === name && u.files === files && u.bytes === bytes && !u.active);
    const id = wish || same?.id;
    return this.want(id ? { kind: "go on", id } : { kind: "begin", name, files, bytes });
  }

  takeImages(chosen, { accept = [], most = 0 }) {
    const images = chosen.items.filter((f) => accept.some((ending) => f.path.toLowerCase().endsWith(ending)));
    this.notImages = chosen.items.length - images.length;
    this.tooMany = Math.max(0, images.length - most);
    chosen.items = images.slice(0, most);
    chosen.bytes = chosen.items.reduce((sum, f) => sum + f.file.size, 0);
  }

  // One zip or one table, and no folder.
  get isFile() {
    return this.items.length === 1 && !this.items[0].path.includes("/");
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
      else if (e.status === 422) {
        // A folder can be mended and completed; of a file that is no dataset nothing is worth keeping.
        if (this.isFile) this.discard();
        this.set("failed", { message: e.message });
      }
      else this.set("stopped", { message: e.message || "The upload stopped." });
    }
  }

  async transfer(run) {
    for (let round = 0; ; round++) {
      this.set("comparing");
      const jobs = this.plan(await this.send(run, "GET", ""), round === 0);
      for (let at = 0; at < jobs.stale.length; at += NAMES)
        await this.send(run, "POST", "/remove", () => JSON.stringify(jobs.stale.slice(at, at + NAMES)));
      this.set("sending", { marks: [] });
      const lanes = Array.from({ length: LANES }, () => this.lane(run, jobs.queue));
      await Promise.all(lanes);
      const kept = this.items.filter((f) => !this.refused.has(f.path));
      if (!kept.length) {
        this.discard();
        const why = this.items.length === 1 ? `It ${this.refused.get(this.items[0].path)}.` : "No file could be taken.";
        throw new Answer(400, why);
      }
      this.set("checking");
      const told = { files: kept.length, bytes: kept.reduce((sum, f) => sum + f.file.size, 0) };
      try {
        const { dataset } = await this.send(run, "POST", "/finish", () => JSON.stringify(told));
        this.forget();
        this.seconds = (performance.now() - this.started) / 1000;
        this.set("done", { dataset, ticket: null });
        if (!this.refused.size || this.purpose === "images") this.want({ kind: "done", dataset });
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
    if (first) Object.assign(this, { here: this.doneFiles, bytesHere: this.doneBytes });
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

  // Remove what has been sent; where the server is not reachable it stays in the list of unfinished uploads.
  async discard() {
    const { ticket } = this;
    this.forget();
    this.ticket = null;
    if (ticket) await ask("DELETE", address(ticket.id), ticket.token).catch(() => {});
  }

  async cancel() {
    const discarded = this.discard();
    this.reset();
    await discarded;
    if (this.state === "idle" && !this.request) this.want({ kind: "look" });
  }
}
