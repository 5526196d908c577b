// @ts-check
/* Says when the list may not move: while the pointer or the focus is in it, or a row is selected.
   Fires "listfree" on the document a moment after that has ended. */

import { closest, find, get } from "../dom.js";

const AFTER_TOUCH = 3000; // milliseconds

let touchedAt = 0;
let isLifted = false; // the person asked for what has come

/** @param {boolean} lifted */
export const liftFreeze = (lifted) => { isLifted = lifted; };

export const isFrozen = () => {
  const list = find(".list");
  if (isLifted || !list?.offsetParent) return false;
  const active = document.activeElement;
  const isPointedAt = matchMedia("(hover: hover)").matches && list.matches(":hover");
  // Who selects rows is about to decide: those rows must not move.
  return Boolean(isPointedAt || find("#rows :checked") || get("#rows").contains(active)
    || active?.id === "arrivals" || Date.now() - touchedAt < AFTER_TOUCH);
};

const fireIfFree = () => {
  if (find("#rows") && !isFrozen()) document.dispatchEvent(new CustomEvent("listfree"));
};

document.addEventListener("pointerout", (event) => {
  if (!closest(event.target, ".list") || closest(event.relatedTarget, ".list")) return;
  setTimeout(fireIfFree, 50);
});
document.addEventListener("focusout", (event) => {
  if (closest(event.target, "#rows, #arrivals")) setTimeout(fireIfFree, 50);
});
document.addEventListener("change", (event) => {
  if (closest(event.target, "#rows")) setTimeout(fireIfFree, 50);
});
for (const name of /** @type {const} */ (["touchstart", "touchmove"])) {
  document.addEventListener(name, (event) => {
    if (closest(event.target, ".list")) touchedAt = Date.now();
  }, { passive: true });
}
document.addEventListener("touchend", () => {
  setTimeout(fireIfFree, AFTER_TOUCH + 100);
}, { passive: true });
