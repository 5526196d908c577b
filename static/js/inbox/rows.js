// @ts-check
/* The rows of the list, and the marks on them. */

import { find, findAll, get } from "../dom.js";
import { openId, panes } from "./panes.js";

/** @type {Set<string>} */
export const newIds = new Set(); // ids that came while the page was open, until they are opened

/** @param {ParentNode} root */
export const idsIn = (root) =>
  findAll("[data-request]", root).map((row) => row.dataset.request ?? "");

export const shownRows = () => findAll("#rows [data-request]");

/** @param {string} id */
export const rowOf = (id) => find(`#rows [data-request="${CSS.escape(id)}"]`);

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
  return tag;
};

/**
 * Leave a row in its place, but show that it can no longer be answered.
 * @param {HTMLElement} row
 */
export const strikeOut = (row) => {
  row.removeAttribute("data-request");
  const link = get(".row", row);
  link.classList.add("closed");
  find(".row-checkbox", row)?.remove();
  link.removeAttribute("aria-current");
  addTag(row, "Answered or closed", "");
};

/**
 * Show who has claimed a request.
 * @param {HTMLElement} row
 * @param {[string, string] | null} holder key and name
 */
export const markClaim = (row, holder) => {
  const text = holder && (holder[0] === panes()?.dataset.user
    ? "Claimed by you" : `Claimed by ${holder[1]}`);
  const tag = find("[data-claim]", row);
  if (tag?.textContent === text) return;
  tag?.remove();
  if (text) addTag(row, text, "").dataset.claim = "";
};

/** Mark the row of the open request, and those that are new. */
export const markRows = () => {
  newIds.delete(openId());
  const shown = new Set(idsIn(get("#rows")));
  for (const id of newIds) if (!shown.has(id)) newIds.delete(id); // others answered it
  for (const row of shownRows()) {
    const id = row.dataset.request ?? "";
    if (id === openId()) get(".row", row).setAttribute("aria-current", "true");
    else get(".row", row).removeAttribute("aria-current");
    find(".tag.new", row)?.remove();
    if (newIds.has(id)) addTag(row, "New", "new");
  }
};

/**
 * Say whether a request stands behind a row in the list: lower priority first, then later.
 * @param {{ priority: number, created: string }} one
 * @param {HTMLElement} row
 */
export const isBehind = (one, row) => {
  const priority = Number(row.dataset.priority);
  if (one.priority !== priority) return one.priority < priority;
  return one.created > (row.dataset.created ?? "");
};

/**
 * Put a row in its place, or in place of the one of the same request.
 * @param {HTMLElement} row
 */
export const putInPlace = (row) => {
  const same = rowOf(row.dataset.request ?? "");
  if (same) {
    const hasFocus = same.contains(document.activeElement);
    same.replaceWith(row);
    if (hasFocus) find("a", row)?.focus({ preventScroll: true });
  } else {
    const one = { priority: Number(row.dataset.priority), created: row.dataset.created ?? "" };
    const next = shownRows().find((other) => !isBehind(one, other));
    if (next) next.before(row);
    else get("#rows ul").append(row);
  }
  htmx.process(row);
};
