// @ts-check
/* Applies what the socket tells about requests to the list, without reading the list again.

   - What left is taken out, or struck while the list is frozen.
   - What came waits behind "2 new". It is fetched, as rows, when it is put in place: by the person,
     or by the page once the list is not frozen.
   - Who has claimed a request is shown at once. If anything else of a row changed, it is fetched. */

import { announce, find, get } from "../dom.js";
import { arrivals, countLabel, showArrivals } from "./arrivals.js";
import { addToFound, addToTotal } from "./counts.js";
import { isFrozen, liftFreeze } from "./freeze.js";
import { isRemoved, noteChanged, noteRemoved, noteReturned, readList } from "./list.js";
import { openId } from "./panes.js";
import {
  isBehind, markClaim, markRows, newIds, putInPlace, rowOf, shownRows, strikeOut,
} from "./rows.js";

const MOST = 50; // rows in one fetch; for more the list is read
const FEW = 25; // rows below which a list that goes on is read again
const SETTLING = 5000; // milliseconds without changes after which the counts are read again

/** @typedef {Exclude<RequestChange, { kind: "removed" }>} PendingChange */

/** @type {Set<string>} */
const wanted = new Set(); // ids whose rows may look different, or may match the filters
let placeTimer = 0;
let settleTimer = 0;

const filters = () => new FormData(/** @type {HTMLFormElement} */ (get("#filters")));
const paging = () => /** @type {HTMLInputElement} */ (get(".paging"));
const hasMore = () => "more" in paging().dataset;

/**
 * Say whether the filters of the page may select a request.
 * @param {PendingChange} change
 */
const mayMatch = (change) => {
  const workflow = filters().get("workflow");
  const priority = filters().get("priority");
  return (!workflow || workflow === change.workflow)
    && (!priority || priority === change.level);
};

/** Say whether only the server can tell if the filters select a request. */
const isSearching = () => ["q", "tag", "mine"].some((name) => filters().get(name));

/**
 * Say whether a request stands on this page of the list, and not on one before or behind it.
 * @param {PendingChange} change
 */
const isOnPage = (change) => {
  const rows = shownRows();
  const first = rows[0];
  const last = rows.at(-1);
  if (paging().value && first && !isBehind(change, first)) return false;
  return !(hasMore() && last && isBehind(change, last));
};

/** Say whether all pending requests stand on this page, so that others were not counted. */
const showsAll = () =>
  !hasMore() && !paging().value && ![...filters().values()].some(Boolean);

// --- changes ----------------------------------------------------------------------------------
/** @param {string} id */
const remove = (id) => {
  if (isRemoved(id)) return;
  noteRemoved(id);
  const row = rowOf(id);
  const isShown = row || arrivals.has(id);
  if (isShown || !showsAll()) addToTotal(-1); // or it came and left before the page knew
  if (isShown) addToFound(-1);
  arrivals.delete(id);
  wanted.delete(id);
  newIds.delete(id);
  if (row && isFrozen()) strikeOut(row);
  else row?.remove();
};

/** @param {PendingChange} change */
const addOrMark = (change) => {
  noteReturned(change.id);
  const row = rowOf(change.id);
  if (row) {
    if (row.dataset.version !== change.version) wanted.add(change.id);
    else markClaim(row, change.claimed);
    return;
  }
  if (arrivals.has(change.id)) return;
  if (change.kind === "added") addToTotal(1);
  if (!mayMatch(change)) return;
  if (isSearching()) {
    wanted.add(change.id);
  } else if (change.kind === "added" || !hasMore()) {
    addToFound(1);
    if (isOnPage(change)) arrivals.set(change.id, performance.now());
  }
};

/**
 * @param {RequestChange[]} changes
 * @param {number} spread
 */
const apply = (changes, spread) => {
  if (!find("#rows")) return;
  noteChanged();
  const isOpenAndGone = changes.some(({ id, kind }) => kind === "removed" && id === openId())
    && find("#detail [data-open][data-status=pending]");
  for (const change of changes) {
    if (change.kind === "removed") remove(change.id);
    else addOrMark(change);
  }
  showArrivals();
  document.dispatchEvent(new CustomEvent("rowschanged"));
  if (isOpenAndGone) readList(); // for what became of it
  else placeWithin(spread);
  settleWithin(spread);
};

// --- rows -------------------------------------------------------------------------------------
/** @param {string[]} ids */
const fetchRows = async (ids) => {
  const query = new URLSearchParams({ ids: ids.join(",") });
  for (const [name, value] of filters()) if (value) query.append(name, String(value));
  const response = await fetch(`${get("#refresher").dataset.rows}?${query}`, {
    headers: { "X-Live-Read": "1" },
  });
  if (!response.ok || response.redirected) throw new Error(`${response.status}`);
  const template = document.createElement("template");
  template.innerHTML = await response.text();
  return /** @type {HTMLElement[]} */ ([...template.content.querySelectorAll("[data-request]")]);
};

/**
 * Put fetched rows in place, and forget those that the list may not show.
 * @param {string[]} ids
 * @param {HTMLElement[]} rows
 */
const putRows = (ids, rows) => {
  const found = new Map(rows.map((row) => [row.dataset.request ?? "", row]));
  /** @type {HTMLElement[]} */
  const arrived = [];
  for (const id of ids) {
    const row = found.get(id);
    if (!row || isRemoved(id)) {
      arrivals.delete(id);
      if (rowOf(id)) remove(id);
    } else if (rowOf(id)) {
      putInPlace(row);
    } else if (isFrozen()) {
      if (!arrivals.has(id)) addToFound(1); // it matches the search
      arrivals.set(id, performance.now());
    } else {
      if (!arrivals.delete(id)) addToFound(1);
      newIds.add(id);
      putInPlace(row);
      arrived.push(row);
    }
  }
  markRows();
  document.dispatchEvent(new CustomEvent("rowschanged"));
  return arrived;
};

/** @param {boolean} isAsked whether the person asked for the new rows */
const place = async (isAsked) => {
  clearTimeout(placeTimer);
  placeTimer = 0;
  if (document.hidden || !find("#rows")) return; // the page reads again when it is looked at
  const ids = [...new Set([...wanted, ...(isFrozen() ? [] : arrivals.keys())])];
  const isEmpty = !find("#rows ul");
  const isShort = hasMore() && shownRows().length < FEW && !isFrozen();
  if (isShort || ids.length > MOST || (isEmpty && ids.length) || !(isEmpty || shownRows().length)) {
    return readList();
  }
  if (!ids.length) return;
  wanted.clear();
  const wasShown = !get("#arrivals").hidden;
  try {
    const arrived = putRows(ids, await fetchRows(ids));
    if (arrived.length && !wasShown) announce(countLabel(arrived.length));
    if (isAsked) find("a", arrived[0] ?? get("#rows"))?.focus();
  } catch {
    readList(); // which shows what is wrong
  }
  showArrivals();
  liftFreeze(false);
};

/**
 * Put in place at a random moment within so many seconds: many pages do, and not all at once.
 * @param {number} spread
 */
const placeWithin = (spread) => {
  if (!placeTimer) placeTimer = setTimeout(() => place(false), Math.random() * spread * 1000);
};

/** @param {number} spread */
const settleWithin = (spread) => {
  clearTimeout(settleTimer);
  const isExact = !hasMore() && !paging().value;
  if (isExact) return;
  settleTimer = setTimeout(() => {
    if (!document.hidden) readList();
  }, SETTLING + Math.random() * spread * 1000);
};

// --- when -------------------------------------------------------------------------------------
document.body.addEventListener("changes", (event) => {
  apply(event.detail.changes, event.detail.spread);
});

document.addEventListener("listfree", () => {
  if (find("#arrivals:not([hidden])") || wanted.size || !shownRows().length) place(false);
});

document.addEventListener("click", (event) => {
  if (/** @type {Element} */ (event.target).id !== "arrivals") return;
  liftFreeze(true);
  place(true);
});

// One's own decision need not come back from the server first.
document.body.addEventListener("decided", () => {
  const status = find("#detail [data-open]")?.dataset.status;
  if (status && status !== "pending") {
    apply([{ id: openId(), kind: "removed" }], 0);
  }
});
