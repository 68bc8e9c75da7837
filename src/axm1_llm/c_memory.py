"""What the C library keeps of memory that was freed.

Small hosts have little; without glibc all of this does nothing.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

# Of <malloc.h>.
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

_LARGE = 64 * 1024  # bytes
_ARENAS = 2


def keep_little() -> None:
    """Have large blocks come from the machine and go back to it, and all threads share two arenas.

    By itself glibc takes blocks of up to 32 MB from its heap once such a one was freed: what a long prompt
    needs for a moment then lies between what stays. And each new thread gets an arena of its own, up to eight
    for each core, which keeps what was freed in it.
    """
    with suppress(AttributeError):
        c_library = ctypes.CDLL(None)
        c_library.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        c_library.mallopt(_M_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Give the machine what is free."""
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
