// @ts-check
/* A page of somebody who is logged in. The entries of single pages import it, too. It lists its
   modules itself: a browser finds an import only after it has read the file before. */

import "../csrf.js";
import "../time_zone.js";
import "../live.js";
import "../relative_time.js";
import "../menu.js";
import "../shortcuts.js";
