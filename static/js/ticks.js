/* Selected requests, kept by their ids in this tab: in the list of the inbox, and on the page of
   a batch. The browser's own memory of a form goes by position; after Back, a tick would stand on
   whichever row is now where another one was. */
(() => {
  "use strict";

  const $ = (selector) => document.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const key = () => `ticks:${$("[data-user]")?.dataset.user}`;
  const boxes = () => $$("#rows .tick input");

  const load = () => new Set(JSON.parse(sessionStorage.getItem(key()) ?? "[]"));
  const store = (ids) => sessionStorage.setItem(key(), JSON.stringify([...ids]));

  // --- the inbox --------------------------------------------------------------------------------
  const show = () => {
    const ids = load();
    for (const box of boxes()) box.checked = ids.has(box.value);
    for (const form of $$("#chosen")) {
      form.classList.toggle("some", ids.size > 0);
      $("[data-ticked-count]").textContent = ids.size ? ` (${ids.size})` : "";
      $("[data-untick]").hidden = ids.size === 0;
    }
  };

  document.addEventListener("change", (event) => {
    if (!event.target.matches("#rows .tick input")) return;
    const ids = load();
    if (event.target.checked) ids.add(event.target.value);
    else ids.delete(event.target.value);
    store(ids);
    show();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-untick]")) return;
    store([]);
    show();
  });
  // Those on another page of the list, or outside of its filters, are selected as well.
  document.addEventListener("formdata", (event) => {
    if (event.target.id !== "chosen") return;
    event.formData.delete("_id");
    for (const id of load()) event.formData.append("_id", id);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.id === "rows") show();
    const over = event.detail.target?.id === "detail" && $("#detail [data-open]:not([data-status=pending])");
    if (!over) return;
    const ids = load();
    if (ids.delete(over.dataset.open)) store(ids);
    show();
  });

  // --- the page of a batch ----------------------------------------------------------------------
  const count = () => {
    for (const group of $$("[data-group]")) {
      const chosen = $$(".tick :checked", group).length;
      for (const button of $$(".bar button", group)) {
        button.querySelector("[data-chosen-count]").textContent = ` (${chosen})`;
        button.disabled = chosen === 0;
      }
    }
  };

  const begin = () => {
    const batch = $("#batch");
    if (!batch) return show();
    const ids = load();
    for (const row of $$("[data-item][data-over]")) ids.delete(row.dataset.item);
    store(ids);
    $("[data-focus]")?.focus();
    count();
  };
  document.addEventListener("change", (event) => {
    if (event.target.matches("#batch .tick input")) count();
  });
  begin();
  // Also when the browser brings back the page as it was: its list may have been another one's.
  window.addEventListener("pageshow", begin);
  document.addEventListener("htmx:historyRestore", show);
})();
