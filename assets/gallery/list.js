// @ts-check
// The list that a view asks for, in blocks that are fetched when they are needed, with small images.

import { BLOCK } from "./constants.js";
import { clamp, sleep } from "./core.js";
import { Answer } from "./server.js";

/** @import { Server } from "./server.js" */
/** @import { Row, Rows, View } from "./types.js" */

const MOST_BLOCKS = 80;
const MOST_IMAGES = 3000;
const MOST_TRIES = 50;

export class List {
  /**
   * @param {Server} server
   * @param {View} view
   * @param {(trouble: string) => void} changed called when a connection is lost or there again
   * @param {(rows: Row[]) => void} came called with rows that have come
   */
  constructor(server, view, changed, came) {
    this.server = server;
    this.view = view;
    this.changed = changed;
    this.came = came;
    /** @type {number | null} */
    this.total = null;
    /**
     * Of what was settled when the list was made: it does not move while one works through it.
     * @type {number | null}
     */
    this.version = null;
    /**
     * The rows of each block, or the promise of them.
     * @type {Map<number, Row[] | Promise<Row[]>>}
     */
    this.blocks = new Map();
    this.closed = false;
  }

  /**
   * The rows of a block. Goes on asking while the server is away.
   * @param {number} number
   * @returns {Promise<Row[]>}
   */
  block(number) {
    const known = this.blocks.get(number);
    if (known) {
      this.blocks.delete(number);
      this.blocks.set(number, known); // the longest unused goes first
      return Promise.resolve(known);
    }
    const coming = this.load(number).then(
      (rows) => {
        this.blocks.set(number, rows);
        return rows;
      },
      (error) => {
        this.blocks.delete(number);
        throw error;
      },
    );
    this.blocks.set(number, coming);
    for (const oldest of this.blocks.keys()) {
      if (this.blocks.size <= MOST_BLOCKS) break;
      this.blocks.delete(oldest);
    }
    return coming;
  }

  /**
   * @param {number} number
   * @returns {Promise<Row[]>}
   */
  async load(number) {
    for (let tries = 0; ; tries += 1) {
      try {
        /** @type {View} */
        const params = { ...this.view, offset: String(number * BLOCK), limit: String(BLOCK) };
        if (this.version !== null) params.as_of = String(this.version);
        /** @type {Rows} */
        const answer = await this.server.json("items", params);
        this.changed("");
        this.total = answer.total;
        this.version ??= answer.version;
        this.came(answer.rows);
        return answer.rows;
      } catch (error) {
        if (error instanceof Answer || this.closed) throw error;
        this.changed("The server does not answer; trying again …");
        await sleep(clamp(300 * 2 ** tries, 300, 4000));
      }
    }
  }

  /**
   * The row at a place in the list, if it is here already.
   * @param {number} position
   * @returns {Row | undefined}
   */
  at(position) {
    const rows = this.blocks.get(Math.floor(position / BLOCK));
    return Array.isArray(rows) ? rows[position % BLOCK] : undefined;
  }

  /**
   * @param {number} position
   * @returns {Promise<Row | undefined>}
   */
  async bring(position) {
    return (await this.block(Math.floor(position / BLOCK)))[position % BLOCK];
  }
}

/** Small images by row, kept as long as there is room. */
export class Images {
  /** @param {Server} server */
  constructor(server) {
    this.server = server;
    /**
     * Addresses by row, "" for an image that cannot be read.
     * @type {Map<number, string>}
     */
    this.urls = new Map();
    /** @type {Map<number, Promise<string>>} */
    this.wanted = new Map();
    this.closed = false;
  }

  /** @param {number} row */
  get(row) {
    return this.urls.get(row);
  }

  /**
   * Brings the small images of these rows; got(row, address) is called for each as it comes.
   * @param {number[]} rows
   * @param {(row: number, address: string) => void} got
   */
  async bring(rows, got) {
    const missing = [];
    for (const row of rows) {
      const address = this.urls.get(row);
      if (address !== undefined) got(row, address);
      else if (this.wanted.has(row)) this.wanted.get(row)?.then((late) => got(row, late));
      else missing.push(row);
    }
    if (!missing.length) return;
    /** @type {Map<number, (address: string) => void>} */
    const finish = new Map();
    for (const row of missing) this.wanted.set(row, new Promise((done) => finish.set(row, done)));
    /** @type {(row: number, address: string) => void} */
    const keep = (row, address) => {
      this.urls.set(row, address);
      this.wanted.delete(row);
      finish.get(row)?.(address);
      got(row, address);
    };
    await this.fetch(missing, keep);
    for (const [row, address] of this.urls) {
      if (this.urls.size <= MOST_IMAGES) break;
      this.urls.delete(row);
      if (address) URL.revokeObjectURL(address);
    }
  }

  /**
   * Goes on asking for those that have not come while the server is away, some minutes long.
   * @param {number[]} rows
   * @param {(row: number, address: string) => void} keep
   */
  async fetch(rows, keep) {
    let left = rows;
    for (let tries = 0; left.length && tries < MOST_TRIES && !this.closed; tries += 1) {
      try {
        await this.server.thumbnails(left, (row, bytes) => {
          if (!this.closed) keep(row, bytes ? URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" })) : "");
        });
      } catch (error) {
        if (error instanceof Answer) for (const row of left) if (this.wanted.has(row)) keep(row, "");
      }
      left = left.filter((row) => this.wanted.has(row));
      if (left.length) await sleep(clamp(300 * 2 ** tries, 300, 4000));
    }
    for (const row of left) this.wanted.delete(row); // asked for again when they are shown again
  }

  close() {
    this.closed = true;
    for (const address of this.urls.values()) if (address) URL.revokeObjectURL(address);
    this.urls.clear();
  }
}
