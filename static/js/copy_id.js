// @ts-check
/* Copies the whole of a shortened id (.copy-id) when one clicks on it. */

import { announce, closest } from "./dom.js";

document.addEventListener("click", async (event) => {
  const id = closest(event.target, ".copy-id");
  if (!id || !navigator.clipboard) return;
  await navigator.clipboard.writeText(id.textContent ?? "");
  announce("Copied");
  id.dataset.copied = "";
  setTimeout(() => delete id.dataset.copied, 1500);
});
