/* The inbox of an open page:

   - re-reads its list when the socket nudges, opens, and every half minute (see #refresher);
   - holds the list still while the pointer or the focus is in it: what arrives waits behind a
     button, what leaves keeps its place as a struck row, until nobody could miss-click;
   - keeps an unsent draft for each request in this tab, until the answer was taken.

   All listeners are the document's, because going back in history replaces everything below. */
(() => {
  "use strict";

  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const panes = () => $("#panes");
  const say = (text) => { $("#announce").textContent = text; };
  const opened = () => $("#detail [data-open]")?.dataset.open ?? "";

  // --- the list ---------------------------------------------------------------------------------
  const fresh = new Set(); // ids that came while the page was open, until they are opened
  const heldBack = new WeakSet(); // responses whose rows wait
  const drawn = new WeakSet(); // responses whose rows or request were put in place
  let newest = ""; // when the last request was asked, of those the page knew
  let touchedAt = 0;
  let forced = false;

  const ids = (root) => $$("[data-request]", root).map((row) => row.dataset.request);
  const read = () => { if ($("#refresher")) htmx.trigger("#refresher", "nudge"); };
  const words = (count) => `${count} new request${count === 1 ? "" : "s"}`;

  const held = () => {
    const list = $(".list");
    if (forced || !list?.offsetParent) return false;
    const active = document.activeElement;
    const pointed = matchMedia("(hover: hover)").matches && list.matches(":hover");
    // A tick is the beginning of a decision: what is ticked must not move.
    return pointed || $("#rows :checked") || $("#rows").contains(active) || active?.id === "arrivals" || Date.now() - touchedAt < 3000;
  };

  const label = (row, text, kind) => {
    const tag = document.createElement("span");
    tag.className = `tag ${kind}`;
    tag.textContent = text;
    $("small", row).prepend(tag);
  };

  const strike = (row) => {
    row.removeAttribute("data-request");
    $(".row", row).classList.add("gone");
    $(".tick", row)?.remove();
    $(".row", row).removeAttribute("aria-current");
    label(row, "Answered or closed", "");
  };

  // While the list is held nothing moves, but what left can no longer be taken for waiting.
  const hold = (html) => {
    const now = ids(new DOMParser().parseFromString(html, "text/html"));
    for (const row of $$("#rows [data-request]")) if (!now.includes(row.dataset.request)) strike(row);
    const shown = ids($("#rows"));
    offer(now.filter((id) => !shown.includes(id)).length);
  };

  const offer = (count) => {
    const button = $("#arrivals");
    if (count && button.textContent !== `${count} new`) say(words(count));
    button.textContent = count ? `${count} new` : "";
    button.hidden = !count;
  };

  const mark = () => {
    fresh.delete(opened());
    const shown = new Set(ids($("#rows")));
    for (const id of fresh) if (!shown.has(id)) fresh.delete(id); // others answered it
    for (const row of $$("#rows [data-request]")) {
      const id = row.dataset.request;
      if (id === opened()) $(".row", row).setAttribute("aria-current", "true");
      else $(".row", row).removeAttribute("aria-current");
      $(".tag.new", row)?.remove();
      if (fresh.has(id)) label(row, "New", "new");
    }
  };

  const settle = () => {
    const waited = !$("#arrivals").hidden;
    const known = newest;
    newest = $(".paging").dataset.newest;
    offer(0);
    const arrived = $$("#rows [data-request]").filter((row) => row.dataset.asked > known);
    arrived.forEach((row) => fresh.add(row.dataset.request));
    if (arrived.length && !waited) say(words(arrived.length));
    mark();
    if (forced) (arrived[0] ? $("a", arrived[0]) : $("#rows a"))?.focus();
    forced = false;
  };

  document.addEventListener("htmx:configRequest", (event) => {
    if (["refresher", "filters"].includes(event.detail.elt.id) && opened()) event.detail.parameters.open = opened();
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, requestConfig, serverResponse, xhr } = event.detail;
    if (target?.id !== "rows" || !requestConfig || xhr.status !== 200) return;
    // What the response says of the detail is nobody's any more once another one is open.
    event.detail.ignoreTitle = (requestConfig.parameters.open ?? "") !== opened();
    const part = /<div id="(status-[^"]*|intro)"[^]*?<\/div>/.exec(serverResponse);
    if (part && !document.getElementById(part[1])) event.detail.serverResponse = serverResponse.replace(part[0], "");
    if (requestConfig.elt.id !== "refresher") return;
    target.dataset.scroll = target.scrollTop;
    if (!held()) return;
    heldBack.add(xhr);
    event.detail.swapOverride = "none"; // counts, title and the open request's status still are
    hold(serverResponse);
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    const { target, xhr } = event.detail;
    if (target?.id !== "rows" || heldBack.has(xhr) || drawn.has(xhr)) return;
    drawn.add(xhr); // the event comes once for each element that was put in place
    settle();
    target.scrollTop = Number(target.dataset.scroll ?? 0);
    delete target.dataset.scroll;
  });

  const release = () => setTimeout(() => {
    const waits = $("#arrivals") && (!$("#arrivals").hidden || $("#rows .gone"));
    if (waits && !held()) read();
  }, 50);

  document.addEventListener("pointerout", (event) => {
    if (event.target.closest?.(".list") && !event.relatedTarget?.closest?.(".list")) release();
  });
  document.addEventListener("focusout", (event) => {
    if (event.target.closest?.("#rows, #arrivals")) release();
  });
  for (const name of ["touchstart", "touchmove"]) {
    document.addEventListener(name, (event) => {
      if (event.target.closest?.(".list")) touchedAt = Date.now();
    }, { passive: true });
  }
  document.addEventListener("touchend", () => setTimeout(release, 3100), { passive: true });
  document.addEventListener("click", (event) => {
    if (event.target.id !== "arrivals") return;
    forced = true;
    read();
  });

  document.addEventListener("htmx:wsOpen", read);
  document.addEventListener("htmx:wsAfterMessage", read);

  // A new tab is the browser's business; htmx would open the request here instead.
  document.addEventListener("click", (event) => {
    if ((event.ctrlKey || event.metaKey || event.shiftKey) && event.target.closest?.("a[hx-get]")) event.stopPropagation();
  }, true);

  // --- drafts -----------------------------------------------------------------------------------
  const key = (id) => `draft:${panes()?.dataset.user}:${id}`;
  const load = (id) => JSON.parse(sessionStorage.getItem(key(id)) ?? "null");
  const drop = (id) => sessionStorage.removeItem(key(id));

  const note = (text) => {
    const place = $("[data-draft-note]");
    if (place) place.textContent = text;
  };

  // All that one can fill in there, the fields of the small forms (a comment, names) too.
  const controls = (form) =>
    $$("input, select, textarea", form).filter((item) => item.name && item.type !== "hidden" && item.type !== "file");

  const isPicked = (item) => item.type === "checkbox" || item.type === "radio";

  const keep = (form) => {
    const draft = controls(form).map((item) => {
      const label = item.closest("fieldset.field-choices")?.querySelector("legend") ?? item.labels?.[0];
      const values = item.selectedOptions ? [...item.selectedOptions].map((option) => option.value) : [item.value];
      return { name: item.name, values, label: label?.textContent.trim() ?? item.name, picked: isPicked(item) ? item.checked : null };
    });
    try {
      sessionStorage.setItem(key(form.dataset.draft), JSON.stringify(draft));
      note("Draft kept in this tab");
    } catch { note("Too long to keep as a draft"); }
  };

  const restore = (form) => {
    const draft = load(form.dataset.draft);
    if (!draft || $("[role=alert]", form)) return; // a refused form comes back as it was sent
    for (const item of controls(form)) {
      const said = draft.find((one) => one.name === item.name && (one.picked === null || one.values[0] === item.value));
      if (!said) continue;
      if (isPicked(item)) item.checked = said.picked;
      else if (item.selectedOptions) for (const option of item.options) option.selected = said.values.includes(option.value);
      else item.value = said.values[0];
      const fold = item.closest("details");
      if (fold && item.value) fold.open = true;
    }
    note("Your draft is back");
  };

  const recall = (box) => {
    const said = (load(box.dataset.unsent) ?? []).filter((one) => one.picked !== false && one.values.some((value) => value.trim()));
    box.hidden = said.length === 0;
    $("dl", box).replaceChildren(...said.flatMap((one) => {
      const name = document.createElement("dt");
      const value = document.createElement("dd");
      name.textContent = one.label;
      value.textContent = one.values.join(", ");
      return [name, value];
    }));
  };

  document.addEventListener("input", (event) => {
    const form = event.target.closest?.("form[data-draft]");
    if (form) keep(form);
  });
  // A comment that was sent is none that waits to be.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { requestConfig, xhr, target } = event.detail;
    const form = requestConfig?.elt;
    if (target?.id !== "detail" || xhr.status !== 200 || !form?.matches("#talk-form, #give-form")) return;
    const sent = [...form.elements].map((item) => item.name);
    const draft = load(opened());
    if (draft) sessionStorage.setItem(key(opened()), JSON.stringify(draft.filter((one) => !sent.includes(one.name))));
  });
  document.addEventListener("click", (event) => {
    const box = event.target.closest?.("[data-discard]")?.closest("[data-unsent]");
    if (!box) return;
    drop(box.dataset.unsent);
    box.hidden = true;
  });

  // --- one request at a time --------------------------------------------------------------------
  // From the moment at which another row is gone to until it is shown, nothing in the pane can be
  // pressed: a decision would be about a request that one has left.
  const WALKING = 120; // milliseconds in which further steps may follow
  let loading = null; // the request for what the pane will show
  let walking = 0; // a timer
  let walked = false; // whether the row that opens next was gone to by key

  const shut = () => { $("#detail").inert = true; };
  const unshut = () => {
    if (!loading && !walking) $("#detail").inert = false;
  };

  document.addEventListener("walk", (event) => {
    const row = event.target.closest("#rows li[data-request]");
    if (!row || !$("#detail").checkVisibility()) return; // one pane: Enter opens it
    clearTimeout(walking);
    walking = 0;
    if (row.dataset.request === opened() && !loading) return unshut();
    shut();
    walking = setTimeout(() => {
      walking = 0;
      walked = true;
      if (row.isConnected) $("a.row", row).click();
      else unshut();
      walked = false;
    }, WALKING);
  });

  document.addEventListener("htmx:beforeRequest", (event) => {
    const { target, requestConfig, xhr } = event.detail;
    if (target?.id !== "detail" || requestConfig.verb !== "get") return;
    clearTimeout(walking); // a click on another row, meanwhile
    walking = 0;
    requestConfig.walked = walked;
    loading = xhr;
    shut();
  });
  const shown = (xhr) => {
    if (xhr !== loading) return;
    loading = null;
    unshut();
  };
  document.addEventListener("htmx:afterRequest", (event) => shown(event.detail.xhr)); // or it failed
  // Walking leaves one entry in the history, not one for each row.
  document.addEventListener("htmx:beforeHistoryUpdate", (event) => {
    const { history, requestConfig } = event.detail;
    if (requestConfig?.walked && opened()) history.type = "replace";
  });

  // --- the detail -------------------------------------------------------------------------------
  const prepare = () => {
    const article = $("#detail [data-open]");
    panes()?.classList.toggle("at-detail", Boolean(article || $("#detail [data-missing]")));
    if (article && "accepted" in article.dataset) drop(article.dataset.open);
    for (const form of $$("#detail form[data-draft]")) restore(form);
    for (const box of $$("#detail [data-unsent]")) recall(box);
    if ($("#rows")) mark();
  };

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.id !== "detail" || drawn.has(event.detail.xhr)) return;
    drawn.add(event.detail.xhr);
    shown(event.detail.xhr);
    prepare();
    event.detail.target.scrollTop = 0;
    if (innerWidth < 900) scrollTo(0, 0);
    if (receipt) return arrive();
    if (event.detail.requestConfig?.walked) return say($("#detail h1")?.textContent ?? "");
    const place = $("#detail [data-focus], #detail [role=alert]") ?? $("#detail h1");
    place?.focus({ preventScroll: place.matches("h1, .bar *") });
    if ($("#detail [data-accepted]")) leave();
  });

  // After a decision the next request opens, with a line about what was just decided.
  const SETTLING = 500; // milliseconds
  let receipt = null;
  let arrivedAt = -Infinity;

  const leave = () => {
    say(`${$(".request > header .tag").textContent}. ${$("[data-focus]").textContent}`);
    htmx.trigger(document.body, "decided");
    const next = $("#detail [data-next]");
    if (!next) return;
    receipt = $("#detail [data-receipt]");
    htmx.process(next); // which it would do a moment later
    next.click();
  };

  const arrive = () => {
    receipt.hidden = false;
    $("#detail").prepend(receipt);
    htmx.process(receipt);
    arrivedAt = performance.now();
    $("#detail h1")?.focus({ preventScroll: true });
    const done = receipt.textContent.trim();
    const end = /[.?!…]$/.test(done) ? "" : ".";
    say(`${done}${end} Next: ${$("#detail h1")?.textContent ?? ""}`);
    receipt = null;
  };

  // The second half of a double click was meant for the request before.
  document.addEventListener("click", (event) => {
    const settles = performance.now() - arrivedAt < SETTLING;
    if (!settles || !event.target.closest?.(".decision .bar button")) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);

  // It did not come: the outcome stays, and the link to the next request with it.
  for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError", "htmx:sendAbort"]) {
    document.addEventListener(name, (event) => {
      if (event.detail.elt.matches?.("[data-next]")) receipt = null;
    });
  }

  // A form that never reached the server keeps its text; say so instead of doing nothing.
  for (const name of ["htmx:sendError", "htmx:timeout", "htmx:responseError"]) {
    document.addEventListener(name, (event) => {
      if (!event.detail.elt.matches?.("form[data-draft]")) return;
      const words = "The answer could not be sent. What you typed is kept; try again.";
      note(words);
      say(words);
    });
  }
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt.matches?.("form[data-draft]")) note("Sending…");
  });
  // Somebody else is logged in (see #person): the form stays as it is.
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.id === "person") note("Not sent. What you typed is kept.");
  });

  const begin = () => {
    if (!panes()) return;
    newest = $(".paging").dataset.newest;
    prepare();
    $("#detail [data-focus], #detail [role=alert]")?.focus();
  };
  document.addEventListener("DOMContentLoaded", begin);
  document.addEventListener("htmx:historyRestore", begin);
})();
