// @ts-check
// One request to the server, given up when nothing moves any more.

import { ROUTE, TOKEN_HEADER } from "./constants.js";

export const STALL = 90_000; // without a sign of life a request is given up …
export const THINKING = 1_800_000; // … but a large dataset takes its time to be read

/** The server refuses. */
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

/** Nobody answers. */
export class Lost extends Error {}

/**
 * Pages are one part below the server's base path, so this holds behind any prefix.
 * @param {string} id
 * @param {string} [rest]
 */
export const address = (id, rest = "") => new URL(`${ROUTE}/${id}${rest}`, window.location.href).href;

/**
 * @param {string} method
 * @param {string} url
 * @param {string} token
 * @param {{ body?: Blob | string | null, progress?: ((loaded: number) => void) | null, requests?: Set<XMLHttpRequest> | null, patience?: number }} [options]
 * @returns {Promise<any>}
 */
export function ask(method, url, token, { body = null, progress = null, requests = null, patience = STALL } = {}) {
  return new Promise((ok, no) => {
    const xhr = new XMLHttpRequest();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => xhr.abort(), patience);
    };
    const over = () => {
      clearTimeout(timer);
      requests?.delete(xhr);
    };
    xhr.open(method, url);
    xhr.setRequestHeader(TOKEN_HEADER, token);
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
      let answer = null;
      try {
        answer = JSON.parse(xhr.responseText);
      } catch {
        // not from the app: a proxy's page, or an answer cut short
      }
      if (xhr.status >= 200 && xhr.status < 300 && answer) ok(answer);
      else if (answer && answer.error) no(new Answer(xhr.status, answer.error));
      else no(new Lost());
    };
    requests?.add(xhr);
    alive();
    xhr.send(body);
  });
}
