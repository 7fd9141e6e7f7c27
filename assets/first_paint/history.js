// @ts-check
// After Back or Forward, an answer that the app still gives to what one did before leads nowhere.
//
// It stands in the page itself, before the code of Streamlit, which writes the address of every answer: of another
// page as one more step of the browser's history. Until a person does something else, an answer may correct the
// address of the page that Back led to, and make no step.

(() => {
  /** @type {string | null} */
  let path = null; // to which Back or Forward led
  window.addEventListener("popstate", () => (path = window.location.pathname));
  for (const kind of ["pointerdown", "keydown", "click"]) window.addEventListener(kind, () => (path = null), true);
  window.navigation?.addEventListener("navigate", (event) => {
    const { pathname, search } = new URL(event.destination.url);
    const written = event.navigationType === "push" || event.navigationType === "replace";
    if (path === null || !written || event.userInitiated || !event.destination.sameDocument) return;
    if (pathname === path && event.navigationType === "replace") return;
    event.preventDefault();
    if (pathname === path) queueMicrotask(() => window.history.replaceState({}, "", pathname + search));
  });
})();
