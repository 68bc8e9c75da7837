"""What the C library keeps of memory that was freed.

Small hosts have little; without glibc all of this does nothing.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

_M_ARENA_MAX = -8  # of <malloc.h>
_ARENAS = 2


def keep_little() -> None:
    """Let the threads of this process share two arenas.

    Each new thread would get one of its own, up to eight for each core, and each keeps what was freed in it.
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Give the machine what is free."""
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
