// @ts-check
/* The pages of runs: one run, the list, and what needs attention. */

import "./signed_in.js";
import "../section_refresh.js";
import "../copy_id.js";
