// @ts-check
// The routes of one run, or of a dataset's labels.

import { THUMBNAIL, TOKEN_HEADER } from "./constants.js";

/** @import { View } from "./types.js" */

/** The server refuses. A connection that is lost is an Error of another kind. */
export class Answer extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export class Server {
  /**
   * @param {string} api where its routes begin
   * @param {string} token
   */
  constructor(api, token) {
    this.api = api;
    this.token = token;
  }

  /**
   * Pages are one part below the server's base path, so this holds behind any prefix.
   * @param {string} path
   * @param {View} [params]
   */
  url(path, params = {}) {
    const url = new URL(`${this.api}/${path}`, window.location.href);
    url.search = new URLSearchParams(params).toString();
    return url.href;
  }

  /** @param {number} row */
  image(row) {
    return this.url("image", { row: String(row), token: this.token });
  }

  /**
   * @param {string} path
   * @param {View} params
   * @param {RequestInit} [options]
   */
  async fetch(path, params, options = {}) {
    const answer = await fetch(this.url(path, params), {
      ...options,
      headers: { [TOKEN_HEADER]: this.token, ...(options.body ? { "Content-Type": "application/json" } : {}) },
      credentials: "same-origin", // the cookie of who has signed in
    });
    if (answer.ok) return answer;
    let refusal = null;
    try {
      refusal = await answer.json();
    } catch {
      // not from the app: a proxy's page, or an answer cut short
    }
    // What is not from the app means that the app is not there just now.
    if (!refusal?.error) throw new Error(`status ${answer.status}`);
    throw new Answer(answer.status, refusal.error);
  }

  /**
   * @param {string} path
   * @param {View} [params]
   * @param {RequestInit} [options]
   * @returns {Promise<any>}
   */
  async json(path, params = {}, options = {}) {
    return (await this.fetch(path, params, options)).json();
  }

  /**
   * @param {string} path
   * @param {unknown} content
   * @param {RequestInit} [options]
   */
  post(path, content, options = {}) {
    return this.json(path, {}, { ...options, method: "POST", body: JSON.stringify(content) });
  }

  /**
   * Saves what the server answers as a file.
   * @param {string} path
   * @param {unknown} content
   * @param {string} name
   */
  async download(path, content, name) {
    const answer = await this.fetch(path, {}, { method: "POST", body: JSON.stringify(content) });
    const address = URL.createObjectURL(await answer.blob());
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  }

  /**
   * Calls got as the small images arrive, with null for one that cannot be read.
   * @param {number[]} rows
   * @param {(row: number, bytes: Uint8Array<ArrayBuffer> | null) => void} got
   */
  async thumbnails(rows, got) {
    const answer = await this.fetch("thumbnails", { rows: rows.join(","), size: String(THUMBNAIL) });
    if (!answer.body) return;
    const reader = answer.body.getReader();
    let held = new Uint8Array(0);
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const joined = new Uint8Array(held.length + value.length);
      joined.set(held);
      joined.set(value, held.length);
      let at = 0;
      while (joined.length - at >= 8) {
        const view = new DataView(joined.buffer, at);
        const [row, size] = [view.getUint32(0), view.getUint32(4)];
        if (joined.length - at - 8 < size) break;
        got(row, size ? joined.slice(at + 8, at + 8 + size) : null);
        at += 8 + size;
      }
      held = joined.slice(at);
    }
  }
}
