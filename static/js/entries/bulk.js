// @ts-check
/* The page on which selected requests are decided together. */

import "./signed_in.js";
import "../inbox/bulk_groups.js";
