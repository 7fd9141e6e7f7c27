// @ts-check
// The engine of the upload: it sends files and outlives the page's reruns. It knows nothing of how it is shown.

import { CHUNK, NAMES } from "./constants.js";
import { arrange, frame, isZip } from "./files.js";
import { planned } from "./plan.js";
import { Answer, Lost, STALL, THINKING, address, ask } from "./requests.js";
import { Upload } from "./state.js";

/** @import { Granted, Item, Job, PageData, Present, Purpose, Request, State, Ticket, Unfinished } from "./types.js" */

export const KEY = "ltnet-folder-upload-2";
const LANES = 3; // requests in flight
const LONGEST_WAIT = 10;
const FILE_COST = 8192; // a small file takes as long as this many bytes; makes progress and time left even
const AT_REST = ["idle", "done", "full", "failed", "stopped"];

/** @type {(ms: number) => Promise<void>} */
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * Of a run that was given up: never goes on.
 * @returns {Promise<never>}
 */
const never = () => new Promise(() => {});

/** @param {Item[]} items */
const sizeOf = (items) => items.reduce((sum, f) => sum + f.file.size, 0);

/**
 * Whether a request is to be repeated. Another one may still write this part of a file: it belongs to a connection that
 * the server thinks alive.
 * @param {unknown} error
 * @param {string} rest of the address
 * @param {number} attempt
 */
function isLost(error, rest, attempt) {
  return error instanceof Lost || (error instanceof Answer && error.status === 409 && rest === "/files" && attempt < 20);
}

export class Engine extends Upload {
  /** @param {Purpose} purpose images to predict go with the page's session and so are never gone on with */
  constructor(purpose) {
    super();
    this.purpose = purpose;
    /** @type {Set<() => void>} */
    this.views = new Set();
    this.run = 0;
  }

  reset() {
    this.run += 1; // whatever belongs to an earlier run stops by itself
    for (const xhr of this.requests) xhr.abort();
    Object.assign(this, new Upload());
    this.changed();
  }

  /**
   * @param {State} state
   * @param {Record<string, unknown>} [more]
   */
  set(state, more = {}) {
    this.state = state;
    Object.assign(this, more);
    this.changed();
  }

  changed() {
    for (const view of this.views) view();
  }

  get busy() {
    return !AT_REST.includes(this.state);
  }

  /**
   * What to ask Python for: {kind: "begin" | "go on" | "discard" | "done", …}. Asked until it is answered.
   * @param {Request} request
   */
  want(request) {
    this.request = { ...request, n: `${Date.now()}-${Math.random()}` };
    this.changed();
  }

  /** @param {Granted | null} ticket */
  answered(ticket) {
    if (!this.request || !ticket || ticket.n !== this.request.n) return;
    const kind = this.request.kind;
    this.request = null;
    if (kind === "begin" || kind === "go on") {
      const { id, token, error = "The server granted no upload." } = ticket;
      if (id && token) this.start({ id, token });
      else this.set("stopped", { message: error });
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

  /** @returns {{ name: string, ticket: Ticket } | null} */
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

  /**
   * Files were chosen. wish: the unfinished upload they are to complete; data: what the page says.
   * @param {Item[]} files
   * @param {string | null} wish
   * @param {PageData} data
   * @returns {Promise<void> | void}
   */
  choose(files, wish, data) {
    const earlier = this.purpose === "dataset" && this.ticket ? { name: this.name, ticket: this.ticket } : null;
    this.reset();
    const chosen = arrange(files);
    if (!chosen.items.length) {
      const none = files.length ? "There are only hidden files in it." : "There is nothing in it.";
      return this.set("stopped", { message: none });
    }
    if (this.purpose === "images") this.takeImages(chosen, data);
    else if (chosen.items.length > 1 && chosen.items.every(isZip))
      return this.set("stopped", { message: "These are several zips; bring one at a time." });
    if (!chosen.items.length) return this.set("stopped", { message: "None of these files is an image." });
    this.set("asking", chosen);
    const mine = earlier || this.remembered();
    if (!wish && mine && mine.name === chosen.name) return this.start(mine.ticket);
    return this.begin(wish, data.unfinished || []);
  }

  /**
   * Go on with what nobody finished, or begin anew.
   * @param {string | null} wish
   * @param {Unfinished[]} unfinished
   */
  begin(wish, unfinished) {
    const { name, bytes } = this;
    const files = this.items.length;
    const same = unfinished.find((u) => u.name === name && u.files === files && u.bytes === bytes && !u.active);
    const id = wish || same?.id;
    this.want(id ? { kind: "go on", id } : { kind: "begin", name, files, bytes });
  }

  /**
   * @param {{ items: Item[], bytes: number }} chosen
   * @param {PageData} data
   */
  takeImages(chosen, { accept = [], most = 0 }) {
    const images = chosen.items.filter((f) => accept.some((ending) => f.path.toLowerCase().endsWith(ending)));
    this.notImages = chosen.items.length - images.length;
    this.tooMany = Math.max(0, images.length - most);
    chosen.items = images.slice(0, most);
    chosen.bytes = sizeOf(chosen.items);
  }

  // One zip or one table, and no folder.
  get isFile() {
    return this.items.length === 1 && !this.items[0].path.includes("/");
  }

  /** @param {Ticket} ticket */
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
      this.stopped(e);
    }
  }

  /** @param {unknown} error */
  stopped(error) {
    for (const xhr of this.requests) xhr.abort();
    this.run += 1;
    if (!(error instanceof Answer)) console.error(error);
    const message = (error instanceof Error && error.message) || "The upload stopped.";
    const status = error instanceof Answer ? error.status : 0;
    // A folder can be mended and completed; of a file that is no dataset nothing is worth keeping.
    if (status === 422 && this.isFile) this.discard();
    /** @type {Record<number, State>} */
    const states = { 507: "full", 422: "failed" };
    this.set(states[status] || "stopped", { message });
  }

  /** @param {number} run */
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
      const sent = { files: kept.length, bytes: sizeOf(kept) };
      try {
        const { dataset } = await this.send(run, "POST", "/finish", () => JSON.stringify(sent));
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

  /**
   * What is left to send, what the server should drop.
   * @param {Present} present
   * @param {boolean} first whether it is the first round
   */
  plan(present, first) {
    Object.assign(this, { here: 0, doneFiles: 0, doneBytes: 0, doneWork: 0, flying: new Map() });
    const { queue, stale, here } = planned(this.items, this.refused, present);
    for (const { bytes, files } of here) this.booked(bytes, files);
    if (first) Object.assign(this, { here: this.doneFiles, bytesHere: this.doneBytes });
    return { queue, stale };
  }

  /**
   * @param {number} bytes
   * @param {number} files
   */
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

  /**
   * @param {number} run
   * @param {Job[]} queue
   */
  async lane(run, queue) {
    while (queue.length && run === this.run) {
      const job = queue.shift();
      if (job?.kind === "large") await this.sendLarge(run, job.large, job.from);
      else if (job) await this.sendBatch(run, job.batch);
    }
  }

  /**
   * @param {string} path
   * @param {string} why
   */
  refuse(path, why) {
    this.refused.set(path, why);
    this.changed();
  }

  /**
   * @param {number} run
   * @param {Item[]} batch
   */
  async sendBatch(run, batch) {
    const answer = await this.send(run, "POST", "/files", async (attempt) => {
      if (attempt) batch = await this.readable(batch);
      return new Blob(batch.flatMap((item) => frame(item)));
    });
    this.refuseAll(answer.refused);
    for (const item of batch) this.booked(item.file.size, this.refused.has(item.path) ? 0 : 1);
    this.changed();
  }

  /**
   * @param {number} run
   * @param {Item} large
   * @param {number} from
   */
  async sendLarge(run, large, from) {
    const size = large.file.size;
    while (from < size) {
      const to = Math.min(size, from + CHUNK);
      const answer = await this.send(run, "POST", "/files", async (attempt) => {
        if (attempt && !(await this.readable([large])).length) return new Blob();
        return new Blob(frame(large, from, to));
      });
      this.refuseAll(answer.refused);
      if (this.refused.has(large.path)) return this.booked(size - from, 0);
      this.booked(to - from, to === size ? 1 : 0);
      this.changed();
      from = to;
    }
  }

  /** @param {Record<string, string>} refused */
  refuseAll(refused) {
    for (const [path, why] of Object.entries(refused)) this.refuse(path, why);
  }

  /**
   * A file that was moved or changed after it was chosen looks like a lost connection: tell them apart.
   * @param {Item[]} batch
   * @returns {Promise<Item[]>}
   */
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

  /**
   * One request, repeated for as long as nobody answers. Everything asked of the server may be asked twice.
   * @param {number} run
   * @param {string} method
   * @param {string} rest of the address
   * @param {(attempt: number) => Promise<Blob> | string | null} [body]
   * @returns {Promise<any>}
   */
  async send(run, method, rest, body = () => null) {
    for (let attempt = 0; ; attempt++) {
      const mark = {};
      const content = await body(attempt);
      const { ticket } = this;
      if (run !== this.run || !ticket) return never();
      const file = content instanceof Blob ? content : null;
      try {
        const answer = await ask(method, address(ticket.id, rest), ticket.token, {
          body: content,
          requests: this.requests,
          patience: file ? STALL : THINKING,
          progress: file && ((loaded) => this.fly(mark, Math.min(loaded, file.size))),
        });
        if (run !== this.run) return never();
        this.failures = 0;
        if (this.state === "lost") this.set(this.before);
        return answer;
      } catch (e) {
        if (run !== this.run) return never();
        if (!isLost(e, rest, attempt)) throw e;
      } finally {
        this.flying.delete(mark);
      }
      await this.pause();
      if (run !== this.run) return never();
    }
  }

  /**
   * @param {object} mark
   * @param {number} bytes
   */
  fly(mark, bytes) {
    this.flying.set(mark, bytes);
    if (bytes && this.state === "lost" && !this.waiting) this.set(this.before); // it is not lost where bytes leave
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
    if (this.ticket) this.start(this.ticket);
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
