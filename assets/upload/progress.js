// @ts-check
// What is said while an upload is under way.

import { amount, number, plural, time } from "./words.js";

/** @import { Engine } from "./engine.js" */

/**
 * The speed of the last ten seconds.
 * @param {Pick<Engine, "marks" | "sent">} engine
 * @param {number} now in ms
 */
export function pace({ marks, sent }, now) {
  const last = marks.at(-1);
  if (!last || now - last.at > 400) marks.push({ at: now, bytes: sent.bytes, work: sent.work });
  while (marks.length > 2 && now - marks[0].at > 10_000) marks.shift();
  const seconds = (now - marks[0].at) / 1000;
  if (seconds < 0.8) return null;
  return { bytes: (sent.bytes - marks[0].bytes) / seconds, work: (sent.work - marks[0].work) / seconds };
}

/**
 * How many files, how much of them, and what happens now.
 * @param {Engine} engine
 * @param {boolean} images whether they are images to predict
 * @returns {{ first: string, size: string, second: string }}
 */
export function progressTexts(engine, images) {
  const total = engine.items.length;
  const first = total ? plural(total, "file") : "";
  const size = total ? amount(engine.bytes) : "";
  switch (engine.state) {
    case "looking":
      return { first: engine.counted ? `${plural(engine.counted, "file")} found` : "", size, second: "" };
    case "asking":
      return { first, size, second: "Making room …" };
    case "comparing":
      return { first, size, second: "Looking what is already here …" };
    case "checking":
      return { first, size, second: images ? "All images are here." : "Everything is here. Reading the dataset …" };
    case "sending":
      return { ...sentTexts(engine), second: sending(engine) };
    case "lost":
      return { ...sentTexts(engine), second: engine.retry ? `Connection lost, trying again in ${time(engine.retry)}` : "Connection lost, trying again …" };
    default:
      return { first, size, second: "" };
  }
}

/** @param {Engine} engine */
function sentTexts(engine) {
  const { files, bytes } = engine.sent;
  return {
    first: engine.isFile ? "" : `${number(files)} of ${plural(engine.items.length, "file")}`,
    size: `${amount(bytes)} of ${amount(engine.bytes)}`,
  };
}

/** @param {Engine} engine */
function sending(engine) {
  const speed = pace(engine, performance.now());
  if (!speed || speed.bytes <= 0) return "Sending …";
  return `${amount(speed.bytes)}/s · about ${time((engine.work - engine.sent.work) / speed.work)} left`;
}
