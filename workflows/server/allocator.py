"""How the C library keeps memory that was freed.

For threads that allocate at the same time it opens up to eight areas for each processor, and it
hardly ever gives a page of them back. Python's threads allocate one after another, so two areas are
enough.
"""

from __future__ import annotations

import ctypes
import os

M_ARENA_MAX = -8  # glibc's <malloc.h>
AREAS = 2


def limit_areas() -> bool:
    """Let the C library open no more than two areas, and say whether it does.

    Only glibc has them; MALLOC_ARENA_MAX in the environment has the last word. To be called before
    threads are started: areas that are there stay.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return False
    try:
        libc = ctypes.CDLL("libc.so.6")
        return bool(libc.mallopt(M_ARENA_MAX, AREAS))
    except (OSError, AttributeError):
        return False  # another system, or another C library
