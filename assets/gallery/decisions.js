// What people settle: kept here until the server says that it is on disk, in the order in which it was decided.

const OPEN = -1;
const SKIPPED = -2;

class Decisions {
  constructor(server, changed) {
    this.server = server;
    this.changed = changed; // (rows) when the state of rows has changed, [] when only the connection has
    this.standing = new Map(); // row → {label, id, key, by, why, at, pending}, or null
    this.pending = [];
    this.conflicts = [];
    this.stack = []; // what U takes back
    this.last = 0;
    this.count = null; // settled in the whole dataset
    this.lost = false;
    this.error = "";
    this.sending = false;
    this.closed = false;
    this.number = 0;
    this.client = Array.from(crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join("");
    this.storage = `ltnet-decisions:${server.run}`;
    this.restore();
  }

  // What an earlier page had not brought to the server when it was closed. Keys are unique: sent twice counts once.
  restore() {
    try {
      const kept = JSON.parse(localStorage.getItem(this.storage) || "[]");
      if (Array.isArray(kept)) this.pending = kept.filter((d) => d && typeof d.key === "string");
    } catch {
      this.pending = [];
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

  // What the server said of rows that came with a list; what is still on its way there stands above it.
  learn(rows) {
    const mine = new Set(this.pending.map((d) => d.row));
    for (const row of rows) if (!mine.has(row.r)) this.standing.set(row.r, row.d);
  }

  of(row) {
    return this.standing.get(row) || null;
  }

  decide(row, label, reviewer, reason, position) {
    const before = this.of(row);
    const key = `${this.client}-${(this.number += 1)}`;
    const kind = label === SKIPPED ? "skip" : "settle";
    this.stack.push({ key, row, position, before });
    this.standing.set(row, { label, id: 0, key, by: reviewer, why: reason, at: Date.now() / 1000, pending: true });
    this.enqueue({ kind, key, row, label, seen: before?.id || 0, undoes: "", reviewer, reason });
    return before;
  }

  // Takes the last decision of this page back; returns where that was.
  undo(reviewer) {
    const last = this.stack.pop();
    if (!last) return null;
    const key = `${this.client}-${(this.number += 1)}`;
    const was = this.of(last.row);
    if (was?.key === last.key) this.standing.set(last.row, last.before);
    this.enqueue({ kind: "undo", key, row: last.row, label: -1, seen: 0, undoes: last.key, reviewer, reason: "" });
    return { ...last, was };
  }

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
    while (this.pending.length && !this.closed) {
      const some = this.pending.slice(0, 100);
      try {
        this.take(some, await this.server.post("decisions", { decisions: some, last: this.last }));
        tries = 0;
      } catch (error) {
        if (error instanceof Answer && error.status !== 403 && error.status < 500) {
          // Refused for what it is: it would be refused again.
          this.error = error.message;
          this.pending.splice(0, some.length);
          this.keep();
          for (const d of some) this.standing.delete(d.row);
          this.changed(some.map((d) => d.row));
          continue;
        }
        this.lost = true;
        this.changed([]);
        await sleep(clamp(200 * 2 ** tries, 200, 2000));
        tries += 1;
      }
    }
    this.sending = false;
    this.changed([]);
  }

  take(sent, told) {
    this.lost = false;
    this.pending.splice(0, sent.length);
    this.keep();
    const saved = new Set(told.saved);
    const touched = [];
    for (const d of sent) {
      const now = this.of(d.row);
      if (saved.has(d.key) && now?.key === d.key) {
        now.pending = false;
        touched.push(d.row);
      }
    }
    const waiting = new Set(this.pending.map((d) => d.row));
    for (const [text, decision] of Object.entries(told.changed)) {
      const row = Number(text);
      if (waiting.has(row)) continue;
      this.standing.set(row, decision);
      touched.push(row);
    }
    for (const rival of told.conflicts) {
      const mine = sent.find((d) => d.key === rival.key);
      const theirs = { label: rival.kind === "skip" ? SKIPPED : null, ...rival };
      this.conflicts.push({ mine, theirs });
      touched.push(mine.row);
    }
    this.last = told.last;
    this.count = told.settled_in_all;
    this.changed(touched);
  }

  // Somebody else settled it first: keep theirs, or say again what one said, knowing theirs.
  resolve(conflict, useMine) {
    this.conflicts = this.conflicts.filter((c) => c !== conflict);
    if (useMine) {
      const { mine, theirs } = conflict;
      const key = `${this.client}-${(this.number += 1)}`;
      const label = mine.kind === "skip" ? SKIPPED : mine.label;
      this.standing.set(mine.row, { label, id: 0, key, by: mine.reviewer, why: mine.reason, at: Date.now() / 1000, pending: true });
      this.enqueue({ ...mine, key, seen: theirs.id });
    } else {
      this.changed([conflict.mine.row]);
    }
  }

  close() {
    this.closed = true;
  }
}
