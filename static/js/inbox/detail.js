// @ts-check
/* The pane of the open request: what happens when another request, or the result of an answer,
   is put into it. */

import { announce, find, findAll } from "../dom.js";
import { dropDraft, restoreDraft, showDraftNote, showUnsent } from "./drafts.js";
import { markRows } from "./rows.js";
import { isNextComing, openNext, showLastDecision } from "./next_request.js";
import { unlockAfter } from "./pane_lock.js";
import { isFirstSwap, panes } from "./panes.js";

const prepare = () => {
  const article = find("#detail [data-open]");
  panes()?.classList.toggle("at-detail", Boolean(article || find("#detail [data-missing]")));
  if (article && "accepted" in article.dataset) dropDraft(article.dataset.open ?? "");
  for (const form of findAll("#detail form[data-draft]")) restoreDraft(form);
  for (const box of findAll("#detail [data-unsent]")) showUnsent(box);
  if (find("#rows")) markRows();
};

document.addEventListener("htmx:afterSwap", (event) => {
  const { target, xhr, requestConfig } = event.detail;
  if (target?.id !== "detail" || !isFirstSwap(xhr)) return;
  unlockAfter(xhr);
  prepare();
  target.scrollTop = 0;
  if (innerWidth < 900) scrollTo(0, 0);
  if (isNextComing()) return showLastDecision();
  if (requestConfig?.openedByKey) return announce(find("#detail h1")?.textContent ?? "");
  const place = find("#detail [data-focus], #detail [role=alert]") ?? find("#detail h1");
  place?.focus({ preventScroll: place.matches("h1, .action-bar *") });
  if (find("#detail [data-accepted]")) openNext();
});

// --- the response to a form -------------------------------------------------------------------
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.matches?.("form[data-draft]")) showDraftNote("Sending…");
});

// A form that could not be sent keeps its text; show a message.
const FAILURES = /** @type {const} */ (["htmx:sendError", "htmx:timeout", "htmx:responseError"]);
for (const name of FAILURES) {
  document.addEventListener(name, (event) => {
    if (!event.detail.elt.matches?.("form[data-draft]")) return;
    const text = "The answer could not be sent. What you typed is kept; try again.";
    showDraftNote(text);
    announce(text);
  });
}

// Somebody else is logged in (see #login-alert): the form stays as it is.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id === "login-alert") showDraftNote("Not sent. What you typed is kept.");
});

// --- the first request of the page ------------------------------------------------------------
const begin = () => {
  if (!panes()) return;
  prepare();
  find("#detail [data-focus], #detail [role=alert]")?.focus();
};
document.addEventListener("DOMContentLoaded", begin);
document.addEventListener("htmx:historyRestore", begin);
