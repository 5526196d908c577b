// @ts-check
/* The two panes of the inbox, the list and the request beside it, and which request is open. */

import { find } from "../dom.js";

export const panes = () => find("#panes");

/** Return the id of the open request, "" if none is open. */
export const openId = () => find("#detail [data-open]")?.dataset.open ?? "";

/** @type {WeakSet<XMLHttpRequest>} */
const handled = new WeakSet();

/**
 * Return true for the first swap of a response: htmx:afterSwap is fired once for each new element.
 * @param {XMLHttpRequest} xhr
 */
export const isFirstSwap = (xhr) => {
  if (handled.has(xhr)) return false;
  handled.add(xhr);
  return true;
};
