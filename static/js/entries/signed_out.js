// @ts-check
/* A page of somebody who is not logged in. */

import "../csrf.js";
import "../time_zone.js";
import "../live.js";
import "../relative_time.js";
import "../menu.js";
