/* Single keys, for those who decide all day:

   - j, k: the next and the previous row get the focus, and open beside the list where there is room
     for it; Enter, the browser's own, opens the row and goes into it;
   - a, r: Approve and Reject get the focus. No key decides but Enter on the focused button, so that
     a key which is pressed twice, or held, never answers the request that comes next;
   - c, x, z: press [data-key=claim], tick the row's box, press [data-key=undo], where they are;
   - g i, g r: to the inbox, to the runs; ?: the dialog with all of this.

   The letters are those of a Latin layout, with or without Caps Lock; under another script it is the
   place of the key that counts: on a Russian keyboard "j" is where it says О.

   Silent while one types, with modifiers, and while a key is held. Until the pane shows the row that
   was gone to, and for half a second afterwards, what decides is silent, too (`inert`, see inbox.js).
   Off with data-keys="off" on the body (the account page). */
(() => {
  "use strict";

  const SETTLING = 500; // milliseconds
  const CHORD = 1500;
  let changedAt = -Infinity;
  let goneAt = -Infinity; // when "g" was pressed

  const $$ = (selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility());
  const isOn = () => document.body.dataset.keys !== "off";
  const settles = () => performance.now() - changedAt < SETTLING;

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.id === "detail") changedAt = performance.now();
  });

  // --- what the keys do -------------------------------------------------------------------------
  const rows = () => $$("main a.row");
  const here = () => document.activeElement.closest("main li:has(a.row)");
  const current = () => here() ?? $$("main a.row[aria-current]")[0]?.closest("li");

  const walk = (by) => {
    const all = rows();
    const at = all.findIndex((row) => current()?.contains(row));
    const next = at < 0 ? all[by > 0 ? 0 : all.length - 1] : all[at + by];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
    next?.dispatchEvent(new CustomEvent("walk", { bubbles: true }));
  };

  const named = (key) => settles() ? null : $$(`[data-key=${key}]:not(:disabled)`).find((one) => !one.closest("[inert]"));

  const press = (key) => named(key)?.click();

  const reach = (key) => {
    const button = named(key);
    button?.focus({ preventScroll: true }); // the bar is always in sight; what one reads stays put
  };

  const help = () => {
    const dialog = document.getElementById("keys-help");
    if (dialog && !dialog.open) dialog.showModal();
  };

  const keys = {
    j: () => walk(1),
    k: () => walk(-1),
    a: () => reach("approve"),
    r: () => reach("reject"),
    c: () => press("claim"),
    z: () => press("undo"),
    x: () => current()?.querySelector(".tick input")?.click(),
    "?": help,
  };

  const places = { i: "inbox", r: "runs" };

  // --- when they do it --------------------------------------------------------------------------
  const TYPED = "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable]";

  const isSilent = (event) =>
    event.defaultPrevented || event.repeat || event.isComposing ||
    event.ctrlKey || event.metaKey || event.altKey ||
    event.target.closest?.(TYPED) || document.querySelector("dialog[open]");

  // What was pressed: "a" for Caps Lock's "A", and by the key's place where its letter is not Latin.
  const pressed = (event) => {
    const { key, code, shiftKey } = event;
    if (key === "?" || (shiftKey && code === "Slash")) return "?";
    if (shiftKey) return "";
    if (/^[a-z]$/i.test(key)) return key.toLowerCase();
    const isOtherLetter = /^[\p{L}\p{M}]+$/u.test(key) && /^Key[A-Z]$/.test(code);
    return isOtherLetter ? code.at(-1).toLowerCase() : "";
  };

  const act = (event) => {
    if (!isOn() || isSilent(event)) return;
    const chord = performance.now() - goneAt < CHORD;
    goneAt = -Infinity;
    const name = pressed(event);
    if (name === "g") {
      goneAt = performance.now();
      return;
    }
    const place = chord && document.querySelector(`[data-place=${places[name] ?? "none"}]`);
    const key = Object.hasOwn(keys, name) && keys[name];
    if (!place && !key) return;
    event.preventDefault(); // or Firefox begins to search in the page
    if (place) location.assign(place.href);
    else key();
  };

  // A held Enter presses a button again and again, on and on into the next request.
  const guard = (event) => {
    const button = event.key === "Enter" && event.target.closest?.(".decision .bar button, .bar a");
    if (button && (event.repeat || settles())) event.preventDefault();
  };

  document.addEventListener("keydown", guard, true);
  document.addEventListener("keydown", act);

  // --- the dialog -------------------------------------------------------------------------------
  for (const opener of document.querySelectorAll("[data-open-keys]")) {
    opener.hidden = !isOn();
    opener.addEventListener("click", () => {
      const menu = opener.closest("details");
      if (menu) menu.open = false;
      help();
    });
  }
})();
