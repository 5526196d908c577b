// @ts-check
/* Locks the pane of the request (`inert`) while another row is opened, until its request is shown.
   Otherwise a decision could be sent for the request that the person has left. */

import { closest, get } from "../dom.js";
import { openId } from "./panes.js";

const STEP = 120; // milliseconds in which the person may go on to a further row

/** @type {XMLHttpRequest | null} */
let loading = null; // the XMLHttpRequest whose response the pane will show
let stepTimer = 0;
let isByKey = false; // true if the row that opens now was selected by key

const lock = () => { get("#detail").inert = true; };

const unlock = () => {
  if (!loading && !stepTimer) get("#detail").inert = false;
};

const stopTimer = () => {
  clearTimeout(stepTimer);
  stepTimer = 0;
};

/**
 * Unlock the pane if this is the response for which it was locked.
 * @param {XMLHttpRequest} xhr
 */
export const unlockAfter = (xhr) => {
  if (xhr !== loading) return;
  loading = null;
  unlock();
};

document.addEventListener("rowfocus", (event) => {
  const row = closest(event.target, "#rows li[data-request]");
  if (!row || !get("#detail").checkVisibility()) return; // one pane: Enter opens it
  stopTimer();
  if (row.dataset.request === openId() && !loading) return unlock();
  lock();
  stepTimer = setTimeout(() => {
    stepTimer = 0;
    isByKey = true;
    if (row.isConnected) get("a.row", row).click();
    else unlock();
    isByKey = false;
  }, STEP);
});

document.addEventListener("htmx:beforeRequest", (event) => {
  const { target, requestConfig, xhr } = event.detail;
  if (target?.id !== "detail" || requestConfig.verb !== "get") return;
  stopTimer(); // if another row was clicked meanwhile
  requestConfig.openedByKey = isByKey;
  loading = xhr;
  lock();
});

document.addEventListener("htmx:afterRequest", (event) => unlockAfter(event.detail.xhr));

// Going through rows by key adds one entry to the history, not one for each row.
document.addEventListener("htmx:beforeHistoryUpdate", (event) => {
  const { history, requestConfig } = event.detail;
  if (requestConfig?.openedByKey && openId()) history.type = "replace";
});
