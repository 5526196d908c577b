// @ts-check
/* The requests that came and are not in the list yet: they wait behind the button "2 new". */

import { announce, get } from "../dom.js";

/** @type {Map<string, number>} */
export const arrivals = new Map(); // by id: when it came, by performance.now()

/** @param {number} count */
export const countLabel = (count) => `${count} new request${count === 1 ? "" : "s"}`;

export const showArrivals = () => {
  const button = get("#arrivals");
  const text = `${arrivals.size} new`;
  if (arrivals.size && button.textContent !== text) announce(countLabel(arrivals.size));
  button.textContent = arrivals.size ? text : "";
  button.hidden = !arrivals.size;
};
