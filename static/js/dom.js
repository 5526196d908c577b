// @ts-check
/* Short functions for queries of the document. */

/**
 * Return the first match, or null.
 * @param {string} selector
 * @param {ParentNode} [root]
 * @returns {HTMLElement | null}
 */
export const find = (selector, root = document) => root.querySelector(selector);

/**
 * Return the first match, which the page must have.
 * @param {string} selector
 * @param {ParentNode} [root]
 * @returns {HTMLElement}
 */
export const get = (selector, root = document) => {
  const element = find(selector, root);
  if (!element) throw new Error(`The page has no ${selector}`);
  return element;
};

/**
 * Return all matches.
 * @param {string} selector
 * @param {ParentNode} [root]
 * @returns {HTMLElement[]}
 */
export const findAll = (selector, root = document) => [...root.querySelectorAll(selector)]
  .map((element) => /** @type {HTMLElement} */ (element));

/**
 * Return the closest match around the target of an event; null if the target is the document or
 * the window.
 * @param {EventTarget | null} target
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export const closest = (target, selector) =>
  target instanceof Element ? target.closest(selector) : null;

/**
 * Let a screen reader read a text: #announce is a live region.
 * @param {string} text
 */
export const announce = (text) => {
  const region = find("#announce");
  if (region) region.textContent = text;
};

/**
 * Return the value of a cookie, undefined if there is none.
 * @param {string} name
 * @returns {string | undefined}
 */
export const readCookie = (name) =>
  document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
