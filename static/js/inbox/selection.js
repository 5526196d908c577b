// @ts-check
/* The ids of the selected requests, kept in this tab. */

import { find } from "../dom.js";

const storageKey = () => `selection:${find("[data-user]")?.dataset.user}`;

/** @returns {Set<string>} */
export const loadSelection = () =>
  new Set(JSON.parse(sessionStorage.getItem(storageKey()) ?? "[]"));

/** @param {Iterable<string>} ids */
export const storeSelection = (ids) =>
  sessionStorage.setItem(storageKey(), JSON.stringify([...ids]));
