// @ts-check
/* The page on which selected requests are decided, in groups that take the same answer: it counts
   the selected requests in each, and deselects those that can no longer be decided. */

import { find, findAll, get } from "../dom.js";
import { loadSelection, storeSelection } from "./selection.js";

const showCounts = () => {
  for (const group of findAll("[data-group]")) {
    const count = findAll(".row-checkbox :checked", group).length;
    for (const element of findAll(".action-bar button", group)) {
      const button = /** @type {HTMLButtonElement} */ (element);
      get("[data-selected-count]", button).textContent = ` (${count})`;
      button.disabled = count === 0;
    }
  }
};

const begin = () => {
  const ids = loadSelection();
  for (const row of findAll("[data-item][data-closed]")) ids.delete(row.dataset.item ?? "");
  storeSelection(ids);
  find("[data-focus]")?.focus();
  showCounts();
};

document.addEventListener("change", (event) => {
  if (/** @type {Element} */ (event.target).matches("#bulk .row-checkbox input")) showCounts();
});

begin();
// Also when the browser restores the page from its cache.
window.addEventListener("pageshow", begin);
