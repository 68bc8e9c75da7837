"""Which processor cores a process may use."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return [pid, *(member for child in children for member in family(int(child)))]


@contextmanager
def apart(some: Collection[int], others: Collection[int]) -> Iterator[None]:
    """Keep the processes `some` on one core and `others` on the next, as long as the context is open."""
    every = os.sched_getaffinity(0)
    first, second, *_ = sorted(every) * 2  # a machine with a single core has no choice
    try:
        _allow(some, {first})
        _allow(others, {second})
        yield
    finally:
        _allow((*some, *others), every)


def _allow(pids: Collection[int], cores: set[int]) -> None:
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread.name), cores)
