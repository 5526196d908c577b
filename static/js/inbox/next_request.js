// @ts-check
/* Opens the next request after a decision, with a line about the decision. */

import { announce, closest, find, get } from "../dom.js";

const SETTLING = 500; // milliseconds

/** @type {HTMLElement | null} */
let lastDecision = null; // the line about the decision, while the next request is loaded
let arrivedAt = -Infinity;

const heading = () => find("#detail h1");

export const isNextComing = () => lastDecision !== null;

/** Announce what was decided, and fetch the next request, if there is one. */
export const openNext = () => {
  announce(`${get(".request > header .tag").textContent}. ${get("[data-focus]").textContent}`);
  htmx.trigger(document.body, "decided");
  const next = find("#detail [data-next]");
  if (!next) return;
  lastDecision = find("#detail [data-last-decision]");
  htmx.process(next); // which it would do a moment later
  next.click();
};

/** Show the line above the request that was loaded. */
export const showLastDecision = () => {
  if (!lastDecision) return;
  lastDecision.hidden = false;
  get("#detail").prepend(lastDecision);
  htmx.process(lastDecision);
  arrivedAt = performance.now();
  heading()?.focus({ preventScroll: true });
  const decided = (lastDecision.textContent ?? "").trim();
  const end = /[.?!…]$/.test(decided) ? "" : ".";
  announce(`${decided}${end} Next: ${heading()?.textContent ?? ""}`);
  lastDecision = null;
};

// The second half of a double click was meant for the request before.
document.addEventListener("click", (event) => {
  const isSettling = performance.now() - arrivedAt < SETTLING;
  if (!isSettling || !closest(event.target, ".decision .action-bar button")) return;
  event.preventDefault();
  event.stopPropagation();
}, true);

// It was not loaded: the result stays, with its link to the next request.
const FAILURES = /** @type {const} */ (
  ["htmx:sendError", "htmx:timeout", "htmx:responseError", "htmx:sendAbort"]);
for (const name of FAILURES) {
  document.addEventListener(name, (event) => {
    if (event.detail.elt.matches?.("[data-next]")) lastDecision = null;
  });
}
