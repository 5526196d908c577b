// @ts-check
/* The checkboxes of the list show the selection, and change it.

   The browser restores a form by position: after Back, another row at the same position would be
   checked. */

import { closest, find, findAll, get } from "../dom.js";
import { loadSelection, storeSelection } from "./selection.js";

const BOXES = "#rows .row-checkbox input";

const showSelection = () => {
  const ids = loadSelection();
  for (const element of findAll(BOXES)) {
    const box = /** @type {HTMLInputElement} */ (element);
    box.checked = ids.has(box.value);
  }
  const form = find("#selection");
  if (!form) return;
  form.classList.toggle("some", ids.size > 0);
  get("[data-selected-count]").textContent = ids.size ? ` (${ids.size})` : "";
  get("[data-clear-selection]").hidden = ids.size === 0;
};

document.addEventListener("change", (event) => {
  const box = /** @type {HTMLInputElement} */ (event.target);
  if (!box.matches(BOXES)) return;
  const ids = loadSelection();
  if (box.checked) ids.add(box.value);
  else ids.delete(box.value);
  storeSelection(ids);
  showSelection();
});

document.addEventListener("click", (event) => {
  if (!closest(event.target, "[data-clear-selection]")) return;
  storeSelection([]);
  showSelection();
});

// Requests on other pages of the list, or outside its filters, stay selected.
document.addEventListener("formdata", (event) => {
  if (/** @type {HTMLFormElement} */ (event.target).id !== "selection") return;
  event.formData.delete("_id");
  for (const id of loadSelection()) event.formData.append("_id", id);
});

// New rows, or an open request that is no longer pending, so it cannot be selected any more.
document.addEventListener("htmx:afterSwap", (event) => {
  const { target } = event.detail;
  if (target?.id === "rows") showSelection();
  const ended =
    target?.id === "detail" && find("#detail [data-open]:not([data-status=pending])")?.dataset.open;
  if (!ended) return;
  const ids = loadSelection();
  if (ids.delete(ended)) storeSelection(ids);
  showSelection();
});

document.addEventListener("rowschanged", showSelection);

showSelection();
// Also when the browser restores the page from its cache, because the list may have changed.
window.addEventListener("pageshow", showSelection);
document.addEventListener("htmx:historyRestore", showSelection);
