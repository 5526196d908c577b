// @ts-check
/* Sends the CSRF token of the cookie, and says for whom the page was drawn.

   - The token that was drawn into a page is invalid after another login; the cookie's is not.
   - Each request of htmx says for whom the page was drawn. The server refuses it to anybody else,
     and says in #login-alert that somebody else is logged in.
   - A request that failed only because the login was renewed meanwhile is sent once more. */

import { closest, find, readCookie } from "./dom.js";

const TOKEN_FIELD = "csrfmiddlewaretoken";
const { formOwner } = document.body.dataset;

document.addEventListener("htmx:configRequest", (event) => {
  const { headers, parameters } = event.detail;
  if (formOwner) headers["X-Form-Owner"] = formOwner;
  const token = readCookie("csrftoken");
  if (!token) return;
  headers["X-CSRFToken"] = token;
  // The server looks at the field first.
  if (parameters[TOKEN_FIELD]) parameters[TOKEN_FIELD] = token;
});

document.addEventListener("submit", (event) => {
  const { elements } = /** @type {HTMLFormElement} */ (event.target);
  const field = elements.namedItem?.(TOKEN_FIELD); // a field can have the name "elements"
  const token = readCookie("csrftoken");
  if (field && token) /** @type {HTMLInputElement} */ (field).value = token;
}, true);

/** @type {WeakSet<HTMLElement>} */
const retried = new WeakSet(); // elements whose request was sent once more

document.addEventListener("htmx:afterRequest", (event) => {
  const { xhr, requestConfig, target } = event.detail;
  if (xhr?.status !== 403 || !xhr.getResponseHeader("X-CSRF-Retry")) return;
  const { elt, verb, path, parameters } = requestConfig;
  if (retried.has(elt) || !elt.isConnected) return;
  retried.add(elt);
  const names = Object.keys(parameters);
  const values = Object.fromEntries(names.map((name) => [name, parameters[name]]));
  const repeat = () =>
    htmx.ajax(verb, path, { source: elt, target, values }).finally(() => retried.delete(elt));
  setTimeout(repeat); // htmx still takes the failed request for one in progress
});

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.getResponseHeader("X-CSRF-Retry")) event.detail.shouldSwap = false;
});

// A response to the person of this page ends what #login-alert says.
document.addEventListener("htmx:afterOnLoad", (event) => {
  const { xhr, target } = event.detail;
  if (xhr.status < 400 && target?.id !== "login-alert") find("#login-alert")?.replaceChildren();
});

document.addEventListener("click", (event) => {
  if (!closest(event.target, "[data-reload]")) return;
  event.preventDefault();
  location.reload();
});
