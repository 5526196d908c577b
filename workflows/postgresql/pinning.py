"""Which statements leave something in their session.

A step's connection is given back after each transaction, so the next may run in another session.
After a statement that depends on its session the step keeps its connection until its attempt ends,
as the poolers of the field do ("pinning").
"""

from __future__ import annotations

import re
from functools import lru_cache

# What begins a statement that leaves nothing behind once its transaction is over.
PLAIN = re.compile(
    r"\s*\(*\s*(SELECT|INSERT|UPDATE|DELETE|MERGE|WITH|VALUES|TABLE|EXPLAIN|SHOW|LOCK|SAVEPOINT|RELEASE|"
    r"ROLLBACK|SET\s+LOCAL|SET\s+CONSTRAINTS)\b",
    re.IGNORECASE,
)
# Functions that depend on the session, within a statement that would else be plain.
DEPENDENT = re.compile(
    r"advisory_(un)?lock|set_config|currval|lastval|pg_temp|setseed|\bINTO\s+TEMP|dblink",
    re.IGNORECASE,
)


@lru_cache(maxsize=500)
def pins(statement: str) -> bool:
    """Say whether a session has to be kept after this statement.

    `SET`, `LISTEN`, `PREPARE`, `DECLARE`, temporary tables, advisory locks of the session; and
    whatever is not known here. Comments before a statement count as not known.
    """
    return PLAIN.match(statement) is None or DEPENDENT.search(statement) is not None
