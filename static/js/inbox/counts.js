// @ts-check
/* The counts of pending requests: in the title, beside the link to the inbox, and above the list.
   A count that the server did not make to the end ("1,000+") is left as it is. */

import { find, findAll, get } from "../dom.js";

/** @type {DOMStringMap} */
const kept = { };

/** Take the counts of a list that was read. */
export const takeCounts = () => {
  const { total, found } = get(".paging").dataset;
  Object.assign(kept, { total, found });
};

/**
 * Add to the count of all pending requests that the person may see.
 * @param {number} difference
 */
export const addToTotal = (difference) => {
  if (!kept.total) return;
  const total = Math.max(0, Number(kept.total) + difference);
  kept.total = String(total);
  for (const element of findAll("[data-count=waiting]")) {
    element.textContent = total ? total.toLocaleString("en") : "";
  }
  const rest = document.title.replace(/^\([\d,]+\) /, "");
  document.title = total ? `(${total.toLocaleString("en")}) ${rest}` : rest;
};

/**
 * Add to the count of those that the filters select.
 * @param {number} difference
 */
export const addToFound = (difference) => {
  if (!kept.found) return;
  const found = Math.max(0, Number(kept.found) + difference);
  kept.found = String(found);
  const element = find("[data-found]");
  const noun = found === 1 ? "request" : "requests";
  if (element) element.textContent = `${found.toLocaleString("en")} ${noun}`;
};
