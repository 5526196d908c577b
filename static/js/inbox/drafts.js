// @ts-check
/* Keeps an unsent draft of each request in this tab, until the answer was accepted. */

import { closest, find, findAll, get } from "../dom.js";
import { openId, panes } from "./panes.js";

/**
 * The value of one control. `picked` is null for a control that is not a checkbox or a radio button.
 * @typedef {{ name: string, values: string[], label: string, picked: boolean | null }} DraftValue
 * @typedef {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} Control
 */

/** @param {string} id */
const storageKey = (id) => `draft:${panes()?.dataset.user}:${id}`;

/**
 * @param {string} id
 * @returns {DraftValue[] | null}
 */
const loadDraft = (id) => JSON.parse(sessionStorage.getItem(storageKey(id)) ?? "null");

/**
 * @param {string} id
 * @param {DraftValue[]} draft
 */
const storeDraft = (id, draft) => sessionStorage.setItem(storageKey(id), JSON.stringify(draft));

/** @param {string} id */
export const dropDraft = (id) => sessionStorage.removeItem(storageKey(id));

/**
 * Show below the form what happened to its draft.
 * @param {string} text
 */
export const showDraftNote = (text) => {
  const place = find("[data-draft-note]");
  if (place) place.textContent = text;
};

/**
 * Return all controls, also those of the small forms (a comment, names).
 * @param {HTMLElement} form
 */
const controlsOf = (form) =>
  /** @type {Control[]} */ (findAll("input, select, textarea", form))
    .filter((item) => item.name && item.type !== "hidden" && item.type !== "file");

/**
 * Return true for a checkbox or a radio button, which has a state beside its value.
 * @param {Control} item
 * @returns {item is HTMLInputElement}
 */
const isPickable = (item) => item.type === "checkbox" || item.type === "radio";

/**
 * @param {Control} item
 * @returns {DraftValue}
 */
const readControl = (item) => {
  const legend = item.closest("fieldset.field-choices")?.querySelector("legend");
  const label = (legend ?? item.labels?.[0])?.textContent?.trim() ?? item.name;
  const values = "selectedOptions" in item
    ? [...item.selectedOptions].map((option) => option.value)
    : [item.value];
  return { name: item.name, values, label, picked: isPickable(item) ? item.checked : null };
};

/**
 * @param {Control} item
 * @param {DraftValue} kept
 */
const fillControl = (item, kept) => {
  const first = kept.values[0] ?? "";
  if (isPickable(item)) item.checked = kept.picked ?? false;
  else if ("selectedOptions" in item) {
    for (const option of item.options) option.selected = kept.values.includes(option.value);
  } else item.value = first;
  const fold = item.closest("details");
  if (fold && item.value) fold.open = true;
};

/** @param {HTMLElement} form */
const keepDraft = (form) => {
  const draft = controlsOf(form).map(readControl);
  try {
    storeDraft(form.dataset.draft ?? "", draft);
    showDraftNote("Draft kept in this tab");
  } catch {
    showDraftNote("Too long to keep as a draft");
  }
};

/**
 * Fill in the draft of a form, but not of a refused form, which has the values that were sent.
 * @param {HTMLElement} form
 */
export const restoreDraft = (form) => {
  const draft = loadDraft(form.dataset.draft ?? "");
  if (!draft || find("[role=alert]", form)) return;
  for (const item of controlsOf(form)) {
    const kept = draft.find(({ name, picked, values }) =>
      name === item.name && (picked === null || values[0] === item.value));
    if (kept) fillControl(item, kept);
  }
  showDraftNote("Your draft is back");
};

/**
 * Show in a box what was typed for a request that can no longer be answered.
 * @param {HTMLElement} box
 */
export const showUnsent = (box) => {
  const kept = (loadDraft(box.dataset.unsent ?? "") ?? [])
    .filter(({ picked, values }) => picked !== false && values.some((value) => value.trim()));
  box.hidden = kept.length === 0;
  get("dl", box).replaceChildren(...kept.flatMap(({ label, values }) => {
    const name = document.createElement("dt");
    const value = document.createElement("dd");
    name.textContent = label;
    value.textContent = values.join(", ");
    return [name, value];
  }));
};

document.addEventListener("input", (event) => {
  const form = closest(event.target, "form[data-draft]");
  if (form) keepDraft(form);
});

// Values that a small form has sent (a comment, names) are no longer a draft.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { requestConfig, xhr, target } = event.detail;
  const form = requestConfig?.elt;
  if (target?.id !== "detail" || xhr.status !== 200) return;
  if (!form?.matches("#comment-form, #reassign-form")) return;
  const { elements } = /** @type {HTMLFormElement} */ (form);
  const sent = [...elements].map((item) => /** @type {Control} */ (item).name);
  const draft = loadDraft(openId());
  if (draft) storeDraft(openId(), draft.filter(({ name }) => !sent.includes(name)));
});

document.addEventListener("click", (event) => {
  const box = closest(closest(event.target, "[data-discard]"), "[data-unsent]");
  if (!box) return;
  dropDraft(box.dataset.unsent ?? "");
  box.hidden = true;
});
