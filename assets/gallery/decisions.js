// @ts-check
// What people settle: kept here until the server says that it is on disk, in the order in which it was decided.

import { OPEN, SKIPPED } from "./constants.js";
import { clamp, sleep } from "./core.js";
import { Answer } from "./server.js";

/** @import { Server } from "./server.js" */
/** @import { CaseCounts, Conflict, Decision, Row, Saved, Sent, Undoable } from "./types.js" */

const NEWS = 2500; // ms between two questions what others decided
const MOST_AT_ONCE = 100; // decisions in one request

export class Decisions {
  /**
   * @param {Pick<Server, "api" | "token" | "post">} server
   * @param {(rows: number[]) => void} changed called with rows whose state has changed, with none when only the connection has
   */
  constructor(server, changed) {
    this.server = server;
    this.changed = changed;
    /**
     * What stands, by row.
     * @type {Map<number, Decision | null>}
     */
    this.standing = new Map();
    /** @type {Sent[]} */
    this.pending = [];
    /** @type {Conflict[]} */
    this.conflicts = [];
    /**
     * What can be taken back.
     * @type {Undoable[]}
     */
    this.stack = [];
    /**
     * The last line of the log that is known here.
     * @type {number | null}
     */
    this.last = null;
    /**
     * Settled in the whole dataset.
     * @type {number | null}
     */
    this.count = null;
    /**
     * How many of them with the image alone in sight.
     * @type {number | null}
     */
    this.blind = null;
    this.setAside = 0; // images that a refit leaves out
    this.lost = false;
    this.error = "";
    this.why = "";
    this.sending = false;
    this.number = 0;
    this.client = Array.from(crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join("");
    // The token differs between workspaces, which may have runs of one name; every tab keeps its own.
    this.prefix = `ltnet-decisions:${server.api.replace("api/runs/", "")}:${server.token}:`;
    this.storage = this.prefix + this.client;
    // Held as long as this tab lives: what it keeps is its own.
    navigator.locks?.request(this.storage, () => new Promise((done) => (this.release = () => done(undefined))));
    this.restore();
    this.news = setInterval(() => this.ask(), NEWS);
  }

  // What others decided meanwhile; not from a tab that nobody looks at.
  async ask() {
    if (this.sending || this.pending.length || this.last === null || document.hidden) return;
    const { last } = this;
    try {
      const answer = await this.server.post("decisions", { decisions: [], last });
      if (!this.sending && this.last === last && answer.last !== last) this.take([], answer);
    } catch {
      // asked again in a moment
    }
  }

  // What tabs that are no more had not brought to the server. Keys are unique: sent twice counts once.
  restore() {
    /** @type {string[]} */
    let left = [];
    try {
      left = Object.keys(localStorage).filter((k) => k.startsWith(this.prefix) && k !== this.storage);
    } catch {
      return;
    }
    for (const key of left) {
      if (navigator.locks) navigator.locks.request(key, () => this.adopt(key)); // when that tab is gone, if it is not yet
      else this.adopt(key);
    }
  }

  /** @param {string} key */
  adopt(key) {
    try {
      const kept = JSON.parse(localStorage.getItem(key) || "[]");
      if (Array.isArray(kept)) this.pending.push(...kept.filter((d) => d && typeof d.key === "string"));
      this.keep();
      localStorage.removeItem(key);
    } catch {
      // not ours, or torn
    }
    if (this.pending.length) this.send();
  }

  keep() {
    try {
      if (this.pending.length) localStorage.setItem(this.storage, JSON.stringify(this.pending));
      else localStorage.removeItem(this.storage);
    } catch {
      // no room or no permission: then it lives as long as the page
    }
  }

  /**
   * What the server said of rows that came with a list; what is still on its way there stands above it.
   * @param {Pick<Row, "r" | "d">[]} rows
   */
  learn(rows) {
    const mine = new Set(this.pending.map((d) => d.row));
    for (const row of rows) {
      const newer = (this.of(row.r)?.id || 0) > (row.d?.id || 0) && row.d;
      if (!mine.has(row.r) && !newer) this.standing.set(row.r, row.d);
    }
  }

  /**
   * @param {number} row
   * @returns {Decision | null}
   */
  of(row) {
    return this.standing.get(row) || null;
  }

  /**
   * @param {Pick<Row, "r" | "n">} item
   * @param {number} label a class, or SKIPPED
   * @param {string} reviewer
   * @param {string} reason
   * @param {number} position in the list
   * @param {"image" | "labels"} shown what was in sight before the answer
   */
  decide({ r: row, n: image }, label, reviewer, reason, position, shown) {
    const before = this.of(row);
    const key = `${this.client}-${(this.number += 1)}`;
    const kind = label === SKIPPED ? "skip" : "settle";
    this.stack.push({ key, row, image, position, before });
    this.standing.set(row, { label, id: 0, key, by: reviewer, why: reason, at: Date.now() / 1000, pending: true });
    this.enqueue({ kind, key, row, image, label, seen: before?.id || 0, undoes: "", reviewer, reason, shown });
    return before;
  }

  /**
   * A second answer: what was settled stands.
   * @param {Pick<Row, "r" | "n">} item
   * @param {number} label a class, or SKIPPED
   * @param {"second" | "again"} about
   * @param {string} reviewer
   * @param {string} reason
   * @param {number} position in the list
   * @param {"image" | "labels"} shown what was in sight before the answer
   */
  opine({ r: row, n: image }, label, about, reviewer, reason, position, shown) {
    const key = `${this.client}-${(this.number += 1)}`;
    this.stack.push({ key, row, image, position, before: this.of(row) });
    this.enqueue({ kind: "opinion", about, key, row, image, label, seen: 0, undoes: "", reviewer, reason, shown });
  }

  /**
   * Takes the last decision of this page back; returns where that was.
   * @param {string} reviewer
   * @returns {(Undoable & { was: Decision | null }) | null}
   */
  undo(reviewer) {
    const last = this.stack.pop();
    if (!last) return null;
    const key = `${this.client}-${(this.number += 1)}`;
    const was = this.of(last.row);
    if (was?.key === last.key) this.standing.set(last.row, last.before);
    const { row, image } = last;
    this.enqueue({ kind: "undo", key, row, image, label: OPEN, seen: 0, undoes: last.key, reviewer, reason: "" });
    return { ...last, was };
  }

  /** @param {Sent} decision */
  enqueue(decision) {
    this.pending.push(decision);
    this.keep();
    this.changed([decision.row]);
    this.send();
  }

  // One request at a time, so that the order on disk is the order of the keys pressed.
  async send() {
    if (this.sending) return;
    this.sending = true;
    let tries = 0;
    let most = MOST_AT_ONCE;
    // It goes on when the gallery has left the page: the tab is still there.
    while (this.pending.length) {
      const some = this.pending.slice(0, most);
      try {
        this.take(some, await this.server.post("decisions", { decisions: some, last: this.last ?? 0 }));
        tries = 0;
        most = Math.min(2 * most, MOST_AT_ONCE);
      } catch (error) {
        if (error instanceof Answer && [400, 409, 413].includes(error.status)) {
          // Refused for what it is, and would be again; one by one, or it would take the others with it.
          if (some.length > 1) most = 1;
          else this.drop(some[0], error.message);
          continue;
        }
        this.lost = true;
        this.why = error instanceof Answer ? error.message : "the server does not answer";
        this.changed([]);
        await sleep(clamp(200 * 2 ** tries, 200, 2000));
        tries += 1;
      }
    }
    this.sending = false;
    this.changed([]);
  }

  /**
   * The server refuses a decision.
   * @param {Sent} decision
   * @param {string} why
   */
  drop(decision, why) {
    const before = this.stack.find((s) => s.key === decision.key)?.before ?? null;
    this.error = `${decision.image}: ${why}`;
    this.pending.shift();
    this.keep();
    this.stack = this.stack.filter((s) => s.key !== decision.key);
    if (this.of(decision.row)?.key === decision.key) this.standing.set(decision.row, before);
    this.changed([decision.row]);
  }

  /**
   * @param {Sent[]} sent
   * @param {Saved} answer
   */
  take(sent, answer) {
    this.lost = false;
    this.pending.splice(0, sent.length);
    this.keep();
    const saved = new Set(answer.saved);
    const touched = [];
    for (const d of sent) {
      const now = this.of(d.row);
      if (saved.has(d.key) && now?.key === d.key) {
        now.pending = false;
        touched.push(d.row);
      }
    }
    const waiting = new Set(this.pending.map((d) => d.row));
    for (const [text, decision] of Object.entries(answer.changed)) {
      const row = Number(text);
      if (waiting.has(row)) continue;
      this.standing.set(row, decision);
      touched.push(row);
    }
    for (const rival of answer.conflicts) {
      const mine = sent.find((d) => d.key === rival.key);
      if (!mine) continue;
      const undoable = this.stack.find((s) => s.key === rival.key);
      this.stack = this.stack.filter((s) => s.key !== rival.key);
      this.conflicts.push({ mine, theirs: rival, undoable });
      touched.push(mine.row);
    }
    this.last = answer.last;
    this.count = answer.settled_in_all;
    this.blind = answer.blind_in_all;
    this.changed(touched);
  }

  /** @param {CaseCounts} counts */
  counted(counts) {
    this.setAside = counts.set_aside;
    this.count ??= counts.settled_in_all;
    this.blind ??= counts.blind_in_all;
  }

  /**
   * Somebody else settled it first: keep theirs, or say again what one said, knowing theirs.
   * @param {Conflict} conflict
   * @param {boolean} useMine
   */
  resolve(conflict, useMine) {
    this.conflicts = this.conflicts.filter((c) => c !== conflict);
    if (useMine) {
      const { mine, theirs, undoable } = conflict;
      const key = `${this.client}-${(this.number += 1)}`;
      const label = mine.kind === "skip" ? SKIPPED : mine.label;
      if (undoable) this.stack.push({ ...undoable, key, before: this.of(mine.row) });
      this.standing.set(mine.row, { label, id: 0, key, by: mine.reviewer, why: mine.reason, at: Date.now() / 1000, pending: true });
      this.enqueue({ ...mine, key, seen: theirs.id });
    } else {
      this.changed([conflict.mine.row]);
    }
  }

  close() {
    clearInterval(this.news);
    const free = () => (this.pending.length ? setTimeout(free, 200) : this.release?.());
    free();
  }
}
