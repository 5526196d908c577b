// @ts-check
/* Keyboard shortcuts of one key, for people who decide many requests.

   - j, k: the next and the previous row get the focus, and open beside the list where there is space
     for it; Enter, handled by the browser, opens the row and moves the focus into it;
   - a, r: Approve and Reject get the focus. Only Enter on the focused button decides, so that a
     key that is pressed twice, or held, never answers the next request;
   - c, x, z: press [data-shortcut=claim], select the row, press [data-shortcut=undo], if they
     exist;
   - g i, g r: to the inbox, to the runs; ?: the dialog with all of this.

   The letters are those of a Latin layout, with or without Caps Lock. With another script the
   position of the key is used: on a Russian keyboard "j" is the key with О.

   They do nothing while a person types, with modifiers, and while a key is held. Keys that decide
   do nothing until the pane shows the selected row (`inert`, see inbox/pane_lock.js), and for
   half a second afterwards. data-shortcuts="off" on the body turns all off (the account page). */

import { closest } from "./dom.js";

const SETTLING = 500; // milliseconds
const CHORD = 1500; // milliseconds between "g" and the second key

let changedAt = -Infinity; // when the pane last showed another request
let chordAt = -Infinity; // when "g" was pressed

const isOn = () => document.body.dataset.shortcuts !== "off";
const isSettling = () => performance.now() - changedAt < SETTLING;

/**
 * Return all visible matches.
 * @param {string} selector
 * @returns {HTMLElement[]}
 */
const findVisible = (selector) =>
  [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(selector))]
    .filter((element) => element.checkVisibility());

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target?.id === "detail") changedAt = performance.now();
});

// --- what the keys do -------------------------------------------------------------------------
const currentRow = () =>
  closest(document.activeElement, "main li:has(a.row)")
  ?? findVisible("main a.row[aria-current]")[0]?.closest("li");

/** @param {1 | -1} step */
const moveBy = (step) => {
  const rows = findVisible("main a.row");
  const current = currentRow();
  const index = rows.findIndex((row) => current?.contains(row));
  const next = index < 0 ? rows[step > 0 ? 0 : rows.length - 1] : rows[index + step];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
  next?.dispatchEvent(new CustomEvent("rowfocus", { bubbles: true }));
};

/**
 * Return the enabled button of a key, if it can be pressed now.
 * @param {string} key
 */
const buttonOf = (key) => {
  if (isSettling()) return undefined;
  return findVisible(`[data-shortcut=${key}]:not(:disabled)`)
    .find((button) => !button.closest("[inert]"));
};

/** @param {string} key */
const press = (key) => buttonOf(key)?.click();

/** @param {string} key */
const focusButton = (key) =>
  buttonOf(key)?.focus({ preventScroll: true }); // it is always visible; the text must not scroll

const selectRow = () => {
  /** @type {HTMLInputElement | null | undefined} */
  const box = currentRow()?.querySelector(".row-checkbox input");
  box?.click();
};

const showHelp = () => {
  const dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById("shortcuts"));
  if (dialog && !dialog.open) dialog.showModal();
};

/** @type {Record<string, () => void>} */
const ACTIONS = {
  j: () => moveBy(1),
  k: () => moveBy(-1),
  a: () => focusButton("approve"),
  r: () => focusButton("reject"),
  c: () => press("claim"),
  z: () => press("undo"),
  x: selectRow,
  "?": showHelp,
};

/** @type {Record<string, string>} */
const PLACES = { i: "inbox", r: "runs" };

// --- when they do it --------------------------------------------------------------------------
const TYPED = "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), "
  + "textarea, select, [contenteditable]";

/** @param {KeyboardEvent} event */
const isIgnored = (event) =>
  event.defaultPrevented || event.repeat || event.isComposing ||
  event.ctrlKey || event.metaKey || event.altKey ||
  closest(event.target, TYPED) || document.querySelector("dialog[open]");

/**
 * Return the name of the key: "a" for Caps Lock's "A", too, and by position if it is not Latin.
 * @param {KeyboardEvent} event
 */
const keyName = ({ key, code, shiftKey }) => {
  if (key === "?" || (shiftKey && code === "Slash")) return "?";
  if (shiftKey) return "";
  if (/^[a-z]$/i.test(key)) return key.toLowerCase();
  const isOtherLetter = /^[\p{L}\p{M}]+$/u.test(key) && /^Key[A-Z]$/.test(code);
  return isOtherLetter ? code.slice(-1).toLowerCase() : "";
};

document.addEventListener("keydown", (event) => {
  if (!isOn() || isIgnored(event)) return;
  const isChord = performance.now() - chordAt < CHORD;
  chordAt = -Infinity;
  const name = keyName(event);
  if (name === "g") {
    chordAt = performance.now();
    return;
  }
  /** @type {HTMLAnchorElement | null} */
  const place = isChord ? document.querySelector(`[data-nav=${PLACES[name] ?? "none"}]`) : null;
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : null;
  if (!place && !action) return;
  event.preventDefault(); // otherwise Firefox begins to search in the page
  if (place) location.assign(place.href);
  else action?.();
});

// A held Enter presses a button again and again, also that of the next request.
document.addEventListener("keydown", (event) => {
  const buttons = ".decision .action-bar button, .action-bar a";
  const button = event.key === "Enter" && closest(event.target, buttons);
  if (button && (event.repeat || isSettling())) event.preventDefault();
}, true);

// --- the dialog -------------------------------------------------------------------------------
/** @type {NodeListOf<HTMLElement>} */
const openers = document.querySelectorAll("[data-open-shortcuts]");
for (const opener of openers) {
  opener.hidden = !isOn();
  opener.addEventListener("click", () => {
    const menu = opener.closest("details");
    if (menu) menu.open = false;
    showHelp();
  });
}
