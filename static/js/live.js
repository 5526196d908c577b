// @ts-check
/* Keeps the page up to date, and says in [data-live] whether it is.

   - The page is not up to date without a socket, when the server says that it receives no changes,
     or when it gives no answer or 503.
   - The socket's messages are JSON: {"state": …} about the page, or {"n": number, …} about what it
     shows. A number that does not follow the last one means that messages were lost.
   - Fires "changes" on the body with what changed, and "refresh" when the page may have missed
     something: the socket opened, messages were lost, the page came to the foreground, or the
     server has its database again. What shows rows reads them again then.
   - A page that is hidden fetches nothing until it is looked at. */

import { findAll } from "./dom.js";

const LABELS = {
  live: "Live",
  delayed: "Updates are delayed",
  reconnecting: "Reconnecting…",
  refused: "No permission",
  crowded: "Not live: too many open pages",
};

const NOTICEABLE = 2000; // milliseconds of a delay that the page tells of

let isOpen = false;
let lastNumber = 0;
let returnedAt = 0;
let retryTimer = 0;
let refreshTimer = 0;
let isStale = false; // a hidden page has something to read again
let isDelayed = false; // the page waits for its turn to read again
/** @type {keyof typeof LABELS} */
let state = "live";

/** @param {keyof typeof LABELS} [fresh] */
const showState = (fresh = state) => {
  state = fresh;
  const shown = state === "live" && isDelayed ? "delayed" : state;
  for (const element of findAll("[data-live]")) {
    element.hidden = false;
    element.dataset.state = shown;
    element.textContent = LABELS[shown];
  }
};

/** Say whether the page receives changes, so that it need not ask for them often. */
export const isLive = () => isOpen && state === "live";

const refresh = () => {
  clearTimeout(refreshTimer);
  refreshTimer = 0;
  if (document.hidden) {
    isStale = true;
    return;
  }
  isStale = isDelayed = false;
  if (isOpen) showState();
  document.body.dispatchEvent(new CustomEvent("refresh"));
};

/**
 * Read again at a random moment within so many seconds: many pages do, and not all at once.
 * @param {number} spread
 */
const refreshWithin = (spread) => {
  if (refreshTimer) return;
  const delay = Math.random() * spread * 1000;
  isDelayed = delay > NOTICEABLE;
  showState();
  refreshTimer = setTimeout(refresh, delay);
};

// --- the socket -------------------------------------------------------------------------------
// The extension's own pauses grow to a minute. The random part keeps pages from returning together.
/** @param {number} count */
htmx.config.wsReconnectDelay = (count) => 300 + Math.random() * Math.min(8000, 1000 * 2 ** count);

document.addEventListener("htmx:wsOpen", () => {
  isOpen = true;
  lastNumber = 0;
  showState("live"); // the first message lets the page read again
});

document.addEventListener("htmx:wsClose", (event) => {
  const { event: { code }, socketWrapper } = event.detail;
  isOpen = false;
  if (code === 4401) return location.reload(); // logged out: to the login, and back to this page
  if (code === 4403) return showState("refused");
  if (code === 4429) { // as many as one person may have; another one may be closed by then
    showState("crowded");
    setTimeout(() => socketWrapper.reconnect(), 30000);
    return;
  }
  showState("reconnecting");
  // The extension takes a normal close for an intended one; the server closes so once a day.
  if (code === 1000) setTimeout(() => socketWrapper.reconnect(), 500 + 1500 * Math.random());
});

document.addEventListener("htmx:wsBeforeMessage", (event) => {
  event.preventDefault(); // nothing in it is HTML
  /** @type {LiveMessage} */
  const message = JSON.parse(event.detail.message);
  if (message.state) return showState(message.state);
  const isNext = message.n === lastNumber + 1;
  lastNumber = message.n;
  if (message.read || !isNext) refreshWithin(message.spread);
  else document.body.dispatchEvent(new CustomEvent("changes", { detail: message }));
});

// --- a server without its database ------------------------------------------------------------
// Nothing is swapped, and the page asks again until there is an answer.
const retryLater = () => {
  showState("reconnecting");
  clearTimeout(retryTimer);
  retryTimer = setTimeout(refresh, 2000 + 2000 * Math.random());
};

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if (xhr.status !== 503 || !xhr.getResponseHeader("Retry-After")) return;
  event.detail.shouldSwap = false;
  event.detail.isError = true;
  retryLater();
});

document.addEventListener("htmx:sendError", retryLater);

document.addEventListener("htmx:afterOnLoad", (event) => {
  if (!retryTimer || event.detail.xhr.status === 503) return;
  clearTimeout(retryTimer);
  retryTimer = 0;
  if (isOpen) showState("live");
});

// --- a server that has more to do -------------------------------------------------------------
let slowTimer = 0;

document.addEventListener("htmx:beforeRequest", (event) => {
  if (!event.detail.elt.matches?.("[data-live-read]")) return;
  if (document.hidden) {
    isStale = true;
    event.preventDefault();
    return;
  }
  slowTimer = setTimeout(() => {
    isDelayed = true;
    if (isOpen) showState();
  }, NOTICEABLE);
});

document.addEventListener("htmx:afterRequest", (event) => {
  if (!event.detail.elt.matches?.("[data-live-read]")) return;
  clearTimeout(slowTimer);
  isDelayed = false;
  if (isOpen) showState();
});

// --- a page that comes back -------------------------------------------------------------------
const refreshOnReturn = () => {
  if (Date.now() - returnedAt < 1000 && !isStale) return; // coming back often fires twice
  returnedAt = Date.now();
  refresh();
};

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refreshOnReturn();
});

window.addEventListener("pageshow", (event) => {
  if (event.persisted) refreshOnReturn();
});
