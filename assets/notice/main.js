// @ts-check
// A notification of the browser when a run ends, where that is allowed and nobody looks at the tab.

/**
 * @typedef {object} PageData
 * @property {string} run
 * @property {string} ended how it ended, in words; empty while it is at work
 */

/** @param {{ parentElement: ParentNode, data: PageData }} component */
export default function ({ parentElement, data: { run, ended } }) {
  const place = parentElement.querySelector(".nt");
  const { dataset } = document.documentElement;
  if (!place || !("Notification" in window)) return;
  place.replaceChildren();
  if (ended) {
    if (dataset.endOf === run) return;
    dataset.endOf = run;
    if (document.hidden && Notification.permission === "granted") new Notification(ended, { tag: run }); // one for all tabs
    return;
  }
  delete dataset.endOf;
  if (Notification.permission !== "default") return;
  const button = document.createElement("button");
  button.textContent = "Tell me when it ends";
  button.onclick = async () => {
    const given = await Notification.requestPermission();
    place.replaceChildren(given === "granted" ? "The browser will tell." : "");
  };
  place.append(button);
}
