// @ts-check
/* The inbox: the list of requests, and the open request beside it. */

import "./signed_in.js";
import "../inbox/checkboxes.js";
import "../inbox/list.js";
import "../inbox/changes.js";
import "../inbox/drafts.js";
import "../inbox/pane_lock.js";
import "../inbox/next_request.js";
import "../inbox/detail.js";
