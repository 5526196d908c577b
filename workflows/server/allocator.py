"""Limits the memory that the C library keeps after it was freed.

For threads that allocate at the same time, glibc opens up to eight memory areas for each processor.
It seldom returns memory of them to the system. Python's threads allocate one after another, so two
areas are enough.
"""

from __future__ import annotations

import ctypes
import os

M_ARENA_MAX = -8  # glibc's <malloc.h>
AREAS = 2


def limit_areas() -> bool:
    """Limit the C library to two areas; return True if the limit was set.

    Only glibc has such areas. MALLOC_ARENA_MAX in the environment overrides the limit. Call this
    before threads are started, because existing areas are kept.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return False
    try:
        libc = ctypes.CDLL("libc.so.6")
        return bool(libc.mallopt(M_ARENA_MAX, AREAS))
    except (OSError, AttributeError):
        return False  # another system, or another C library
