"""Finds statements that change their session.

The connection of a step is given back after each transaction, so the next transaction may have
another session. After a statement that depends on its session, the step keeps its connection until
its attempt ends. Connection poolers call this "pinning".
"""

from __future__ import annotations

import re
from functools import lru_cache

# Beginnings of statements that do not change the session after their transaction.
PLAIN = re.compile(
    r"\s*\(*\s*(SELECT|INSERT|UPDATE|DELETE|MERGE|WITH|VALUES|TABLE|EXPLAIN|SHOW|LOCK|SAVEPOINT|RELEASE|"
    r"ROLLBACK|SET\s+LOCAL|SET\s+CONSTRAINTS)\b",
    re.IGNORECASE,
)
# Functions that depend on the session, within other statements.
DEPENDENT = re.compile(
    r"advisory_(un)?lock|set_config|currval|lastval|pg_temp|setseed|\bINTO\s+TEMP|dblink",
    re.IGNORECASE,
)


@lru_cache(maxsize=500)
def pins(statement: str) -> bool:
    """Return True if the session has to be kept after this statement.

    These are `SET`, `LISTEN`, `PREPARE`, `DECLARE`, temporary tables, session advisory locks, and
    all unknown statements. A statement with a comment before it counts as unknown.
    """
    return PLAIN.match(statement) is None or DEPENDENT.search(statement) is not None
