// @ts-check
// The address of the view in the browser, and in the app.

import { search } from "./address.js";

/** @import { Gallery } from "./main.js" */

const TELL = 350; // ms without a change before the app is told: it is not needed for what is to be shown
const MOST_AWAITED = 50;

/**
 * The app answers with the address that it was told, and Streamlit makes it one more step of the browser's history. An
 * answer about a view that one has left meanwhile would lead back to it: it is turned away, and the app told anew.
 */
export class PageAddress {
  /** @param {Gallery} app */
  constructor(app) {
    this.app = app;
    /**
     * Addresses that the app may still answer with.
     * @type {Set<string>}
     */
    this.awaited = new Set();
    this.writing = false;
    /** @type {number | undefined} */
    this.timer = undefined;
    this.onNavigate = (/** @type {NavigateEvent} */ e) => this.navigates(e);
    window.navigation?.addEventListener("navigate", this.onNavigate);
  }

  /** @param {boolean} push whether it is one more step of the browser's history */
  write(push) {
    const text = window.location.pathname + search(this.app.view, window.location.search);
    this.writing = true;
    if (push) window.history.pushState({}, "", text);
    else window.history.replaceState({}, "", text);
    this.writing = false;
    this.soon();
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const { view } = this.app;
      this.awaited.add(search(view, window.location.search));
      for (const oldest of this.awaited) {
        if (this.awaited.size <= MOST_AWAITED) break;
        this.awaited.delete(oldest);
      }
      this.app.tell({ kind: "view", view });
    }, TELL);
  }

  /** @param {NavigateEvent} event */
  navigates(event) {
    const { pathname, search: asked } = new URL(event.destination.url);
    const script = event.navigationType === "push" || event.navigationType === "replace";
    if (this.writing || !script || event.userInitiated || !event.destination.sameDocument) return;
    if (pathname !== window.location.pathname || asked === window.location.search || !this.awaited.delete(asked)) return;
    event.preventDefault();
    this.soon();
  }

  close() {
    clearTimeout(this.timer);
    window.navigation?.removeEventListener("navigate", this.onNavigate);
  }
}
