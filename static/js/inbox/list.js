// @ts-check
/* The list of requests that wait.

   - It reads itself again when the socket says so or opens, and every half minute (#refresher).
   - While the pointer or the focus is in it, or a row is selected, it is frozen: what arrives waits
     behind a button, what leaves keeps its place as a struck row, until nobody could miss-click.

   All listeners are the document's, because going back in history replaces everything below. */

import { announce, closest, find, findAll, get } from "../dom.js";
import { isFirstSwap, openId } from "./panes.js";

/** @type {Set<string>} */
const newIds = new Set(); // ids that came while the page was open, until they are opened
/** @type {WeakSet<XMLHttpRequest>} */
const deferred = new WeakSet(); // responses whose rows wait, as the list was frozen
let newestCreated = ""; // when the newest request that the page knew was asked
let touchedAt = 0;
let wantsArrivals = false; // the button was pressed

/** @param {ParentNode} root */
const idsIn = (root) => findAll("[data-request]", root).map((row) => row.dataset.request ?? "");

const fetchRows = () => {
  if (find("#refresher")) htmx.trigger("#refresher", "refresh-now");
};

/** @param {number} count */
const countLabel = (count) => `${count} new request${count === 1 ? "" : "s"}`;

const isFrozen = () => {
  const list = find(".list");
  if (wantsArrivals || !list?.offsetParent) return false;
  const active = document.activeElement;
  const isPointedAt = matchMedia("(hover: hover)").matches && list.matches(":hover");
  // Who selects rows is about to decide: those rows must not move.
  return isPointedAt || find("#rows :checked") || get("#rows").contains(active)
    || active?.id === "arrivals" || Date.now() - touchedAt < 3000;
};

// --- rows -------------------------------------------------------------------------------------
/**
 * @param {HTMLElement} row
 * @param {string} text
 * @param {string} kind
 */
const addTag = (row, text, kind) => {
  const tag = document.createElement("span");
  tag.className = `tag ${kind}`;
  tag.textContent = text;
  get("small", row).prepend(tag);
};

/** @param {HTMLElement} row */
const strikeOut = (row) => {
  row.removeAttribute("data-request");
  const link = get(".row", row);
  link.classList.add("closed");
  find(".row-checkbox", row)?.remove();
  link.removeAttribute("aria-current");
  addTag(row, "Answered or closed", "");
};

/** @param {number} count */
const showArrivals = (count) => {
  const button = get("#arrivals");
  const text = `${count} new`;
  if (count && button.textContent !== text) announce(countLabel(count));
  button.textContent = count ? text : "";
  button.hidden = !count;
};

/**
 * Leave the rows where they are, but strike out what a response no longer has, and count the new.
 * @param {string} html
 */
const deferRows = (html) => {
  const ids = idsIn(new DOMParser().parseFromString(html, "text/html"));
  for (const row of findAll("#rows [data-request]")) {
    if (!ids.includes(row.dataset.request ?? "")) strikeOut(row);
  }
  const shown = idsIn(get("#rows"));
  showArrivals(ids.filter((id) => !shown.includes(id)).length);
};

/** Mark the row of the open request, and those that are new. */
export const markRows = () => {
  newIds.delete(openId());
  const shown = new Set(idsIn(get("#rows")));
  for (const id of newIds) if (!shown.has(id)) newIds.delete(id); // others answered it
  for (const row of findAll("#rows [data-request]")) {
    const id = row.dataset.request ?? "";
    if (id === openId()) get(".row", row).setAttribute("aria-current", "true");
    else get(".row", row).removeAttribute("aria-current");
    find(".tag.new", row)?.remove();
    if (newIds.has(id)) addTag(row, "New", "new");
  }
};

const afterNewRows = () => {
  const wereDeferred = !get("#arrivals").hidden;
  const known = newestCreated;
  newestCreated = get(".paging").dataset.newest ?? "";
  showArrivals(0);
  const rows = findAll("#rows [data-request]");
  const arrived = rows.filter((row) => (row.dataset.created ?? "") > known);
  for (const row of arrived) newIds.add(row.dataset.request ?? "");
  if (arrived.length && !wereDeferred) announce(countLabel(arrived.length));
  markRows();
  if (wantsArrivals) (arrived[0] ? find("a", arrived[0]) : find("#rows a"))?.focus();
  wantsArrivals = false;
};

// --- responses --------------------------------------------------------------------------------
document.addEventListener("htmx:configRequest", (event) => {
  const { elt, parameters } = event.detail;
  if (["refresher", "filters"].includes(elt.id) && openId()) parameters.open = openId();
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
  afterNewRows();
  target.scrollTop = Number(target.dataset.scroll ?? 0);
  delete target.dataset.scroll;
});

// --- when it is fetched -----------------------------------------------------------------------
// A moment after the pointer or the focus has left: fetch what was deferred.
const fetchDeferred = () => setTimeout(() => {
  const button = find("#arrivals");
  const isBehind = button && (!button.hidden || find("#rows .closed"));
  if (isBehind && !isFrozen()) fetchRows();
}, 50);

document.addEventListener("pointerout", (event) => {
  if (closest(event.target, ".list") && !closest(event.relatedTarget, ".list")) fetchDeferred();
});
document.addEventListener("focusout", (event) => {
  if (closest(event.target, "#rows, #arrivals")) fetchDeferred();
});
for (const name of /** @type {const} */ (["touchstart", "touchmove"])) {
  document.addEventListener(name, (event) => {
    if (closest(event.target, ".list")) touchedAt = Date.now();
  }, { passive: true });
}
document.addEventListener("touchend", () => setTimeout(fetchDeferred, 3100), { passive: true });
document.addEventListener("click", (event) => {
  if (/** @type {Element} */ (event.target).id !== "arrivals") return;
  wantsArrivals = true;
  fetchRows();
});

document.addEventListener("htmx:wsOpen", fetchRows);
document.addEventListener("htmx:wsAfterMessage", fetchRows);

// With a modifier the browser opens a new tab; htmx would open the request here instead.
document.addEventListener("click", (event) => {
  const hasModifier = event.ctrlKey || event.metaKey || event.shiftKey;
  if (hasModifier && closest(event.target, "a[hx-get]")) event.stopPropagation();
}, true);

const begin = () => {
  newestCreated = find(".paging")?.dataset.newest ?? "";
};
document.addEventListener("DOMContentLoaded", begin);
document.addEventListener("htmx:historyRestore", begin);
