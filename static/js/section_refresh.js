// @ts-check
/* Refreshes a page of runs without disturbing the person who reads it.

   - #run-poll: fetches when the page may have missed something, and at times while the run goes on.
   - [data-section]: swapped by its id, and only if the server's version of it has changed. A
     <details> that was opened stays open, and a section in which a person types is not swapped yet.
   - [data-freeze]: a list that does not change while it is under the pointer or has the focus. */

import { announce, find, findAll } from "./dom.js";

// The response to a refused action is the page, at the address of the action. Refreshes must use
// the address of the page, and a reload must not repeat the action.
const address = find("#run")?.dataset.address;
if (address && location.pathname !== address) history.replaceState(null, "", address);

// --- sections ---------------------------------------------------------------------------------
/**
 * Return the content of a section from the server, without parts that differ in each response.
 * @param {HTMLElement} section
 */
const contentOf = (section) =>
  section.outerHTML
    .replace(/ hx-swap-oob="[^"]*"/, "")
    .replace(/(name="(?:csrfmiddlewaretoken|_key)" value=")[^"]*/g, "$1");

// By section: the last content from the server. The page differs by the person's actions.
const received = new Map(
  findAll("[data-section]").map((section) => [section.id, contentOf(section)]));

/** @type {Map<string, [number, number]>} */
const scrollPositions = new Map(); // by the label of the scrolling element

/** @param {HTMLElement} element */
const isTypedIn = (element) => {
  const active = document.activeElement;
  return active !== null && element.contains(active) && active.matches("input, textarea, select");
};

/**
 * Open in the new section what is open in the old one, and store its scroll positions.
 * @param {HTMLElement} old
 * @param {HTMLElement} fresh
 */
const keepView = (old, fresh) => {
  for (const open of findAll("details[open][id]", old)) {
    const same = find(`#${CSS.escape(open.id)}`, fresh);
    if (same) /** @type {HTMLDetailsElement} */ (same).open = true;
  }
  for (const area of findAll("[role=group][aria-label]", old)) {
    const label = area.getAttribute("aria-label") ?? "";
    scrollPositions.set(label, [area.scrollLeft, area.scrollTop]);
  }
};

document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail;
  const fresh = /** @type {HTMLElement | null} */ (fragment.firstElementChild);
  if (!target.matches("[data-section]") || !fresh) return;
  const content = contentOf(fresh);
  if (content === received.get(target.id) || isTypedIn(target)) {
    event.detail.shouldSwap = false;
    return;
  }
  received.set(target.id, content);
  keepView(target, fresh);
  const words = find(".tag", fresh)?.textContent;
  if (target.dataset.status !== fresh.dataset.status && words) announce(words);
});

document.addEventListener("htmx:oobAfterSwap", () => {
  for (const [label, [left, top]] of scrollPositions) {
    const area = find(`[role=group][aria-label="${CSS.escape(label)}"]`);
    if (area) [area.scrollLeft, area.scrollTop] = [left, top];
  }
  scrollPositions.clear();
});

// --- lists ------------------------------------------------------------------------------------
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target } = event.detail;
  if (!target.matches("[data-freeze]")) return;
  const inUse = target.matches(":hover") || target.contains(document.activeElement);
  // A refresh when the person returns to the page is shown at once; one of a timer can wait.
  if (inUse && !document.hidden) event.detail.shouldSwap = false;
});
