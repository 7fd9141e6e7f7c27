// @ts-check
// What lies over the page, by keyboard: the focus goes into a popover that was opened by a key (Streamlit draws it at
// the end of the page, behind all that Tab would pass), and Escape or a press elsewhere folds the words of the page.

(() => {
  const FIRST = "input, button, select, textarea, a[href]";
  const PATIENCE = 20; // looks at the popover, a twentieth of a second apart
  /** @param {number} left */
  const enter = (left) => {
    const first = document.querySelector('[data-testid="stPopoverBody"]')?.querySelector(FIRST);
    if (first instanceof HTMLElement) first.focus();
    else if (left) setTimeout(enter, 50, left - 1);
  };
  window.addEventListener("keydown", ({ key, target }) => {
    if (!(target instanceof Element)) return;
    const opens = target.closest('[data-testid="stPopover"] button[aria-expanded="false"]');
    if (opens && (key === "Enter" || key === " ")) setTimeout(enter, 50, PATIENCE);
    if (key === "Escape") fold(true);
  });
  window.addEventListener("pointerdown", ({ target }) => {
    if (target instanceof Element && !target.closest(".lt-words")) fold(false);
  });
  /** @param {boolean} back whether the focus goes back to where they were opened */
  const fold = (back) => {
    const words = document.querySelector(".lt-words[open]");
    words?.removeAttribute("open");
    if (back) words?.querySelector("summary")?.focus();
  };
})();
