// @ts-check
/* Keeps the page up to date, and says in [data-live] whether it is.

   - The page is not up to date without a socket, when the server says that it receives no changes,
     or when it gives no answer or 503.
   - Fires "refresh" on the body when the page may have missed something: the socket came back, the
     page came to the foreground, or the server has its database again. What shows rows reads them
     again then: hx-trigger="refresh from:body". */

import { findAll } from "./dom.js";

const LABELS = {
  live: "Live",
  reconnecting: "Reconnecting…",
  refused: "No permission",
  crowded: "Not live: too many open pages",
};

let isOpen = false;
let wasOpen = false;
let refreshedAt = 0;
let retryTimer = 0;

/** @param {keyof typeof LABELS} state */
const showState = (state) => {
  for (const element of findAll("[data-live]")) {
    element.hidden = false;
    element.dataset.state = state;
    element.textContent = LABELS[state];
  }
};

const refresh = () => {
  if (Date.now() - refreshedAt < 1000) return; // coming back often fires twice
  refreshedAt = Date.now();
  document.body.dispatchEvent(new CustomEvent("refresh"));
};

// --- the socket -------------------------------------------------------------------------------
// The extension's own pauses grow to a minute. The random part keeps pages from returning together.
/** @param {number} count */
htmx.config.wsReconnectDelay = (count) => 300 + Math.random() * Math.min(8000, 1000 * 2 ** count);

document.addEventListener("htmx:wsOpen", () => {
  isOpen = true;
  showState("live");
  if (wasOpen) refresh();
  wasOpen = true;
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

// The socket is open, but the server behind it receives no changes, or receives them again.
document.addEventListener("htmx:wsBeforeMessage", (event) => {
  const { message } = event.detail;
  if (message !== "live" && message !== "reconnecting") return;
  event.preventDefault();
  showState(message);
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

// --- a page that comes back -------------------------------------------------------------------
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) refresh();
});

window.addEventListener("pageshow", (event) => {
  if (event.persisted) refresh();
});
