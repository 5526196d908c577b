// @ts-check
/* Tells the server the browser's time zone, in the cookie "timezone". The server shows times in
   this zone to those who have not chosen one. */

import { readCookie } from "./dom.js";

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

if (zone && readCookie("timezone") !== zone) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `timezone=${zone}; path=/; max-age=31536000; samesite=lax${secure}`;
}
