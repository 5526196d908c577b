// @ts-check
/* Sends the CSRF token of the cookie, and the person for whom the page was made.

   - The token in a page is invalid after another login; the token in the cookie is valid.
   - Each request of htmx has the owner of its page in a header. The server refuses it if another
     person is logged in, and shows this in #login-alert.
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
  // The server reads the field first.
  if (parameters[TOKEN_FIELD]) parameters[TOKEN_FIELD] = token;
});

document.addEventListener("submit", (event) => {
  const { elements } = /** @type {HTMLFormElement} */ (event.target);
  const field = elements.namedItem?.(TOKEN_FIELD); // a field may have the name "elements"
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
  setTimeout(repeat); // htmx still treats the failed request as one in progress
});

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.getResponseHeader("X-CSRF-Retry")) event.detail.shouldSwap = false;
});

// A response for the owner of this page clears #login-alert.
document.addEventListener("htmx:afterOnLoad", (event) => {
  const { xhr, target } = event.detail;
  if (xhr.status < 400 && target?.id !== "login-alert") find("#login-alert")?.replaceChildren();
});

document.addEventListener("click", (event) => {
  if (!closest(event.target, "[data-reload]")) return;
  event.preventDefault();
  location.reload();
});
