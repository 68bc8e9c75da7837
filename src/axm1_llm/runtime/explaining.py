"""Which of a runtime's last lines tell why it failed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST = 3

_TROUBLE = re.compile(
    r"fail|error|fault|abort|terminate|exception|killed|denied|cannot|can't|not found|no such"
    r"|out of memory|no\s?mem|time\s?out|refused|invalid|> *(?:_attr\.)?prefill_",
    re.IGNORECASE,
)

# What healthy runtimes print too: files that a folder need not have (seen).
_HARMLESS = re.compile(
    r"config file\(.{0,200}\) open failed|load postprocess config\(.{0,200}\) failed"
    r"|load kvcache from path .{0,200} failed|/proc/ax_proc/mem_cmm_info|None of PyTorch"
)


def explaining(lines: Sequence[str]) -> tuple[str, ...]:
    """The lines that speak of trouble, at most three, oldest first; without one, the last line.

    Args:
        lines: what the runtime printed last, oldest first.
    """
    telling = [line for line in lines if _TROUBLE.search(line) and not _HARMLESS.search(line)]
    return tuple(telling[-_MOST:] or lines[-1:])
