// @ts-check
// What a view's counts are asked for with: the newest question counts, and a lost connection is tried again.

import { clamp, sleep } from "./core.js";
import { Answer } from "./server.js";

/** @import { Gallery } from "./main.js" */

/** @template T */
export class Latest {
  /**
   * @param {Gallery} app
   * @param {string} path
   * @param {(path: string, params: Record<string, string>) => Promise<T>} [read]
   */
  constructor(app, path, read = (at, params) => app.server.json(at, params)) {
    this.app = app;
    this.path = path;
    this.read = read;
    this.turn = 0;
  }

  /**
   * Ask; `got` is called unless something newer has been asked for meanwhile.
   * @param {Record<string, string>} params
   * @param {(answer: T, turn: number) => void} got
   * @param {(message: string) => void} [refused]
   */
  async ask(params, got, refused = () => {}) {
    const turn = (this.turn += 1);
    for (let tries = 0; turn === this.turn && !this.app.closed; tries += 1) {
      try {
        const answer = await this.read(this.path, params);
        if (turn === this.turn) got(answer, turn);
        return;
      } catch (error) {
        if (error instanceof Answer) {
          if (turn === this.turn) refused(error.message);
          return;
        }
        await sleep(clamp(300 * 2 ** tries, 300, 4000));
      }
    }
  }
}
