// @ts-check
/* Reads the list of pending requests again: when the page may have missed something, and slowly all
   the time. Otherwise the page changes its rows by itself (changes.js).

   While the list is frozen, a response does not move its rows: what is new waits behind a button,
   what is gone keeps its place as a struck row.

   All listeners are the document's, because going back in history replaces everything below. */

import { announce, find, findAll, get } from "../dom.js";
import { isLive } from "../live.js";
import { arrivals, countLabel, showArrivals } from "./arrivals.js";
import { takeCounts } from "./counts.js";
import { isFrozen, liftFreeze } from "./freeze.js";
import { isFirstSwap, openId } from "./panes.js";
import { idsIn, markRows, newIds, rowOf, shownRows, strikeOut } from "./rows.js";

const POLL = { live: 90, alone: 30 }; // seconds between two reads

/** @type {WeakSet<XMLHttpRequest>} */
const deferred = new WeakSet(); // responses whose rows wait, as the list was frozen
/** @type {Map<string, number>} */
const removedAt = new Map(); // by id: when the message came that it has left
let newestCreated = ""; // when the newest request that the page knew was asked
let readAt = 0; // when the last read began

export const readList = () => {
  if (find("#refresher")) htmx.trigger("#refresher", "refresh-now");
};

/**
 * Remember that a request has left, so that a response which is under way cannot bring it back.
 * @param {string} id
 */
export const noteRemoved = (id) => removedAt.set(id, performance.now());

/**
 * Say whether the page knows already that a request has left.
 * @param {string} id
 */
export const isRemoved = (id) => removedAt.has(id);

/** @param {string} id */
export const noteReturned = (id) => removedAt.delete(id);

/** The page's rows are no longer those of the last response. */
export const noteChanged = () => { get(".paging").dataset.etag = ""; };

/**
 * Leave the rows where they are, but strike out what a response no longer has, and count the new.
 * @param {string} html
 */
const deferRows = (html) => {
  const ids = idsIn(new DOMParser().parseFromString(html, "text/html"));
  for (const row of shownRows()) {
    if (!ids.includes(row.dataset.request ?? "")) strikeOut(row);
  }
  for (const id of ids) {
    if (!rowOf(id) && !arrivals.has(id)) arrivals.set(id, performance.now());
  }
  noteChanged();
  showArrivals();
};

/** Apply the messages that came while the response was under way. */
const catchUp = () => {
  for (const [id, when] of removedAt) {
    if (when > readAt) rowOf(id)?.remove();
    else removedAt.delete(id);
  }
  for (const [id, when] of arrivals) {
    if (when <= readAt || rowOf(id)) arrivals.delete(id);
  }
  showArrivals();
};

const afterRead = () => {
  const wasWaiting = !get("#arrivals").hidden;
  const known = newestCreated;
  newestCreated = get(".paging").dataset.newest ?? "";
  takeCounts();
  catchUp();
  const arrived = shownRows().filter((row) => (row.dataset.created ?? "") > known);
  for (const row of arrived) newIds.add(row.dataset.request ?? "");
  if (arrived.length && !wasWaiting) announce(countLabel(arrived.length));
  markRows();
  liftFreeze(false);
};

// --- responses --------------------------------------------------------------------------------
document.addEventListener("htmx:configRequest", (event) => {
  const { elt, parameters, headers } = event.detail;
  if (!["refresher", "filters"].includes(elt.id)) return;
  if (openId()) parameters.open = openId();
  readAt = performance.now();
  const { etag } = get(".paging").dataset;
  if (elt.id === "refresher" && etag) headers["If-None-Match"] = etag;
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, requestConfig, serverResponse, xhr } = event.detail;
  if (target?.id !== "rows" || !requestConfig || xhr.status !== 200) return;
  // What the response says about the open request is out of date once another one is open.
  event.detail.ignoreTitle = (requestConfig.parameters.open ?? "") !== openId();
  const part = /<div id="(status-[^"]*|intro)"[^]*?<\/div>/.exec(serverResponse);
  if (part && !document.getElementById(part[1] ?? "")) {
    event.detail.serverResponse = serverResponse.replace(part[0], "");
  }
  if (requestConfig.elt.id !== "refresher") return;
  target.dataset.scroll = String(target.scrollTop);
  if (!isFrozen()) return;
  deferred.add(xhr);
  event.detail.swapOverride = "none"; // counts, title and the open request's status still change
  deferRows(serverResponse);
});

document.addEventListener("htmx:afterSwap", (event) => {
  const { target, xhr } = event.detail;
  if (target?.id !== "rows" || deferred.has(xhr) || !isFirstSwap(xhr)) return;
  afterRead();
  target.scrollTop = Number(target.dataset.scroll ?? 0);
  delete target.dataset.scroll;
});

// --- when it is read --------------------------------------------------------------------------
document.body.addEventListener("refresh", readList);

const poll = () => {
  const seconds = (isLive() ? POLL.live : POLL.alone) * (0.75 + Math.random() / 2);
  setTimeout(() => {
    if (!document.hidden) readList();
    poll();
  }, seconds * 1000);
};
poll();

document.addEventListener("listfree", () => {
  for (const row of findAll("#rows li:has(> .row.closed)")) row.remove();
});

// With a modifier the browser opens a new tab; htmx would open the request here instead.
document.addEventListener("click", (event) => {
  const hasModifier = event.ctrlKey || event.metaKey || event.shiftKey;
  const link = /** @type {Element} */ (event.target).closest?.("a[hx-get]");
  if (hasModifier && link) event.stopPropagation();
}, true);

const begin = () => {
  if (!find(".paging")) return;
  newestCreated = get(".paging").dataset.newest ?? "";
  takeCounts();
};
document.addEventListener("DOMContentLoaded", begin);
document.addEventListener("htmx:historyRestore", begin);
