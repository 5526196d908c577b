/* A page that re-reads itself without getting in the way.

   - #run-poll: fetches when the socket nudges, opens, and every now and then while the run goes on.
   - [data-section]: swapped by its id, and only if what the server says has changed; a <details>
     that was opened stays open, and a section in which one types waits for the next time.
   - [data-hold]: a list; it does not move while it is under the pointer or has the focus.
   - .whole: a shortened id; a click copies all of it. */
(() => {
  "use strict";

  // A refused action answers with the page, under the action's address: what re-reads the page
  // asks for where it stands, and a reload must not repeat the action.
  const { address } = document.getElementById("run")?.dataset ?? {};
  if (address && location.pathname !== address) history.replaceState(null, "", address);

  // What the server last sent of a section; what stands in the page differs by what people did.
  const sent = new Map();

  document.addEventListener("htmx:wsAfterMessage", () => {
    if (document.getElementById("run-poll")) htmx.trigger("#run-poll", "nudge");
  });

  const essence = (element) =>
    element.outerHTML
      .replace(/ hx-swap-oob="[^"]*"/, "")
      .replace(/(name="(?:csrfmiddlewaretoken|_key)" value=")[^"]*/g, "$1");

  for (const section of document.querySelectorAll("[data-section]")) {
    sent.set(section.id, essence(section));
  }

  const typing = (element) => {
    const active = document.activeElement;
    return element.contains(active) && active.matches("input, textarea, select");
  };

  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const { target, fragment } = event.detail;
    const fresh = fragment.firstElementChild;
    if (!target.matches("[data-section]") || !fresh) return;
    const news = essence(fresh);
    if (news === sent.get(target.id) || typing(target)) {
      event.detail.shouldSwap = false;
      return;
    }
    sent.set(target.id, news);
    for (const open of target.querySelectorAll("details[open][id]")) {
      const again = fresh.querySelector(`#${CSS.escape(open.id)}`);
      if (again) again.open = true;
    }
    for (const area of target.querySelectorAll("[role=group][aria-label]")) {
      scrolled.set(area.getAttribute("aria-label"), [area.scrollLeft, area.scrollTop]);
    }
    announce(target, fresh);
  });

  const scrolled = new Map();
  document.addEventListener("htmx:oobAfterSwap", () => {
    for (const [label, [left, top]] of scrolled) {
      const area = document.querySelector(`[role=group][aria-label="${CSS.escape(label)}"]`);
      if (area) [area.scrollLeft, area.scrollTop] = [left, top];
    }
    scrolled.clear();
  });

  const say = (text) => {
    const place = document.getElementById("announce");
    if (place) place.textContent = text;
  };

  const announce = (target, fresh) => {
    const words = fresh.querySelector(".tag")?.textContent;
    if (target.dataset.status !== fresh.dataset.status && words) say(words);
  };

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target } = event.detail;
    if (!target.matches("[data-hold]")) return;
    const held = target.matches(":hover") || target.contains(document.activeElement);
    // What was asked for by coming back is shown at once; what time brings can wait.
    if (held && !document.hidden) event.detail.shouldSwap = false;
  });

  document.addEventListener("click", async (event) => {
    const id = event.target.closest?.(".whole");
    if (!id || !navigator.clipboard) return;
    await navigator.clipboard.writeText(id.textContent);
    say("Copied");
    id.dataset.copied = "";
    setTimeout(() => delete id.dataset.copied, 1500);
  });
})();
