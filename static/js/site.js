/* What every page does besides showing itself:

   - sends the CSRF token of the cookie, not one drawn into the page before another login, and with
     each request of htmx whom the page was drawn for: the server refuses it to anybody else;
   - tells the server the browser's time zone, in the cookie "timezone";
   - keeps a socket alive, and says in the frame ([data-live]) whether the page is up to date: it is
     not without a socket, when the server says that it cannot hear, or gives no answer or 503;
   - fires "refresh" on the body when the page may have missed something (the socket came back, the
     page came to the foreground), so that what shows rows re-reads them:
     hx-trigger="refresh from:body";
   - speaks the time: <time datetime="..." data-spoken="ago"> and "due" stay true. */
(() => {
  "use strict";

  const cookie = (name) =>
    document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);

  const TOKEN = "csrfmiddlewaretoken";
  const drawnFor = document.body.dataset.drawnFor;

  document.addEventListener("htmx:configRequest", (event) => {
    const { headers, parameters } = event.detail;
    if (drawnFor) headers["X-Drawn-For"] = drawnFor;
    const token = cookie("csrftoken");
    if (!token) return;
    headers["X-CSRFToken"] = token;
    if (parameters[TOKEN]) parameters[TOKEN] = token; // the server looks at the field first
  });

  document.addEventListener("submit", (event) => {
    const field = event.target.elements?.[TOKEN];
    const token = cookie("csrftoken");
    if (field && token) field.value = token;
  }, true);

  // The login was renewed while the request was on its way. It is sent once more, by itself.
  const again = new WeakSet();
  document.addEventListener("htmx:afterRequest", (event) => {
    const { xhr, requestConfig, target } = event.detail;
    if (xhr?.status !== 403 || !xhr.getResponseHeader("X-CSRF-Retry")) return;
    const { elt, verb, path, parameters } = requestConfig;
    if (again.has(elt) || !elt.isConnected) return;
    again.add(elt);
    const values = Object.fromEntries(Object.keys(parameters).map((name) => [name, parameters[name]]));
    const repeat = () => htmx.ajax(verb, path, { source: elt, target, values }).finally(() => again.delete(elt));
    setTimeout(repeat); // the request that failed still counts as under way
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.getResponseHeader("X-CSRF-Retry")) event.detail.shouldSwap = false;
  });

  // #person says that somebody else is logged in by now; an answer to this page's person ends that.
  document.addEventListener("htmx:afterOnLoad", (event) => {
    const { xhr, target } = event.detail;
    if (xhr.status < 400 && target?.id !== "person") document.getElementById("person")?.replaceChildren();
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-reload]")) return;
    event.preventDefault();
    location.reload();
  });

  // The server shows times in this zone to those who have chosen none.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && cookie("timezone") !== zone) {
    const secure = location.protocol === "https:" ? "; secure" : "";
    document.cookie = `timezone=${zone}; path=/; max-age=31536000; samesite=lax${secure}`;
  }

  // --- live -----------------------------------------------------------------------------------
  const words = { live: "Live", reconnecting: "Reconnecting…", refused: "No permission",
    crowded: "Not live: too many open pages" };
  let wasOpen = false;
  let lastRefresh = 0;

  const show = (state) => {
    for (const element of document.querySelectorAll("[data-live]")) {
      element.hidden = false;
      element.dataset.state = state;
      element.textContent = words[state];
    }
  };

  const refresh = () => {
    if (Date.now() - lastRefresh < 1000) return; // coming back often fires twice
    lastRefresh = Date.now();
    document.body.dispatchEvent(new CustomEvent("refresh"));
  };

  // The extension's own pauses grow to a minute. Half of this on average, or all pages at once.
  htmx.config.wsReconnectDelay = (count) => 300 + Math.random() * Math.min(8000, 1000 * 2 ** count);

  let isOpen = false;

  document.addEventListener("htmx:wsOpen", () => {
    isOpen = true;
    show("live");
    if (wasOpen) refresh();
    wasOpen = true;
  });

  document.addEventListener("htmx:wsClose", (event) => {
    const { code } = event.detail.event;
    isOpen = false;
    if (code === 4401) return void location.reload(); // logged out: the login, and back here
    if (code === 4403) return show("refused");
    if (code === 4429) { // as many as one person may have; another one may be closed by then
      show("crowded");
      return void setTimeout(() => event.detail.socketWrapper.reconnect(), 30000);
    }
    show("reconnecting");
    // The extension takes a normal close for an intended one; the server closes so once a day.
    if (code === 1000) {
      setTimeout(() => event.detail.socketWrapper.reconnect(), 500 + 1500 * Math.random());
    }
  });

  // The socket is there, but the server behind it hears nothing, or hears again.
  document.addEventListener("htmx:wsBeforeMessage", (event) => {
    const { message } = event.detail;
    if (message !== "live" && message !== "reconnecting") return;
    event.preventDefault();
    show(message);
  });

  // A server without its database: nothing is swapped, and the page asks until there is an answer.
  let asking = 0;
  const askAgain = () => {
    show("reconnecting");
    clearTimeout(asking);
    asking = setTimeout(refresh, 2000 + 2000 * Math.random());
  };
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (xhr.status !== 503 || !xhr.getResponseHeader("Retry-After")) return;
    event.detail.shouldSwap = false;
    event.detail.isError = true;
    askAgain();
  });
  document.addEventListener("htmx:sendError", askAgain);
  document.addEventListener("htmx:afterOnLoad", (event) => {
    if (!asking || event.detail.xhr.status === 503) return;
    clearTimeout(asking);
    asking = 0;
    if (isOpen) show("live");
  });

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) refresh();
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) refresh();
  });

  // --- time -----------------------------------------------------------------------------------
  // The same words as the server's `spoken` and `due`; past a week its date stands as it is.
  const amount = (seconds) => {
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    const days = seconds >= 86400;
    const whole = days ? 86400 : 3600;
    const rest = Math.floor((seconds % whole) / (days ? 3600 : 60));
    const first = `${Math.floor(seconds / whole)} ${days ? "d" : "h"}`;
    return rest ? `${first} ${rest} ${days ? "h" : "min"}` : first;
  };

  const spoken = (moment, kind) => {
    const gap = (Date.now() - moment) / 1000;
    const size = Math.abs(gap);
    if (Number.isNaN(gap) || size >= 7 * 86400) return null;
    const due = kind === "due" ? "due " : "";
    if (size < 60) return `${due}now`;
    if (gap < 0) return `${due}in ${amount(size)}`;
    return due ? `due ${amount(size)} ago` : amount(size);
  };

  const speak = () => {
    for (const element of document.querySelectorAll("time[data-spoken]")) {
      const text = spoken(Date.parse(element.dateTime), element.dataset.spoken);
      if (text !== null && element.textContent !== text) element.textContent = text;
    }
  };
  setInterval(speak, 30000);
  document.addEventListener("visibilitychange", speak);

  // --- the menu of a narrow screen ------------------------------------------------------------
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.querySelector(".menu[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  document.addEventListener("click", (event) => {
    const menu = document.querySelector(".menu[open]");
    if (menu && !menu.contains(event.target)) menu.open = false;
  });
})();
