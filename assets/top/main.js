// @ts-check
// Scrolls the page to its top when it is told a new number: what it shows is another dataset's.

/** @param {{ data: { turn: number } }} component */
export default function ({ data: { turn } }) {
  const page = document.querySelector('[data-testid="stMain"]');
  if (!(page instanceof HTMLElement) || Number(page.dataset.turn ?? 0) >= turn) return;
  page.dataset.turn = String(turn);
  page.scrollTo({ top: 0 });
}
