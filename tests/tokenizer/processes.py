"""Which processes live: seen from outside, in /proc."""

from __future__ import annotations

import asyncio
from pathlib import Path


def working_in(folder: Path) -> list[int]:
    """The processes whose working folder this is; a zombie has none any more."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink() == folder:
                found.append(int(entry.name))
        except OSError:
            continue  # gone meanwhile, or not ours to look at
    return found


async def until_working_in(folder: Path) -> None:
    """Wait for a process in this folder; bounded by the caller."""
    while not working_in(folder):  # noqa: ASYNC110 - another process starts it, there is no event
        await asyncio.sleep(0.01)


async def until_nobody_works_in(folder: Path) -> None:
    """Wait until each process in this folder is gone; bounded by the caller.

    The group's watcher is killed last, and nobody here waits for it: it is init's child by then.
    """
    while working_in(folder):  # noqa: ASYNC110 - the processes are not this one's children
        await asyncio.sleep(0.01)
