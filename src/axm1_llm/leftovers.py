"""Processes that a killed service left behind: found by a mark when it starts again, and ended.

Normally each child's watcher ends its group with the service (see `child`). But the watcher may have been
killed too, by the kernel when memory is short or by somebody's hand; its runtime then spins and holds the
card, and no model can be loaded.

So each life of a service has a random mark. Every process that it starts inherits the mark in its
environment, and the mark stands in a small file for the next life. Numbers of processes are used again and
names are anybody's; nobody else has the mark.
"""

from __future__ import annotations

import os
import secrets
import select
import signal
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from axm1_llm.whole_file import write_file

if TYPE_CHECKING:
    from collections.abc import Iterable

MARK = "_AXM1_LIFE"
"""The variable that carries the mark; no setting, and handed on to every child."""

_STEP = 1.0  # seconds between SIGTERM and SIGKILL, and after it
_MOST = 3.0  # of the whole search: reading from a process that hangs in a driver may never return
_MOST_MARKS = 8
_LARGEST_FILE = 4096


def begin_life(record: Path | None) -> None:
    """End what the last life has left, and mark all that this one will start.

    Call it once the service's port is its own: then its last life is surely over. Takes 3 s at most; what
    cannot be ended, or a file that cannot be written, is a line in the log.

    Args:
        record: the file for the mark; no two services that run at the same time may share it. None: this
            service cannot be recognised when it starts again.
    """
    mark = secrets.token_hex(16)
    os.environ[MARK] = mark
    if record is None:
        return
    marks = _read(record)
    if marks:
        search = threading.Thread(target=_end, args=(marks,), name="leftovers", daemon=True)
        search.start()
        search.join(_MOST)
    try:
        record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The older ones too: what did not end (it hangs in a driver) may do so before the next life.
        write_file(
            record, "".join(f"{each}\n" for each in (*marks, mark)[-_MOST_MARKS:]).encode(), mode=0o600
        )
    except OSError as error:
        structlog.get_logger().warning(
            "mark_not_kept",
            file=str(record),
            reason=error.strerror or str(error),
            advice="give a folder that the service may write with --state-dir",
        )


def _read(record: Path) -> tuple[str, ...]:
    try:
        with record.open("rb") as file:
            lines = file.read(_LARGEST_FILE).decode("ascii", "replace").split()
    except OSError:
        return ()
    return tuple(line for line in lines if len(line) == 32 and line.isalnum())  # noqa: PLR2004 - hex digits of a mark


def _end(marks: tuple[str, ...]) -> None:
    """End all marked processes: SIGTERM, then SIGKILL, to the groups that they are in."""
    wanted = {f"{MARK}={mark}".encode() for mark in marks}
    log = structlog.get_logger()
    for number in (signal.SIGTERM, signal.SIGKILL):
        found = [pid for pid in _pids() if _has(pid, wanted)]
        if not found:
            return
        programs = sorted({_program(pid) for pid in found})
        log.warning("left_by_last_life", pids=found, programs=programs, signal=number.name)
        _signal(found, wanted, number)
    if found := [pid for pid in _pids() if _has(pid, wanted)]:
        log.error("left_by_last_life_and_does_not_end", pids=found)


def _signal(found: Iterable[int], wanted: set[bytes], number: signal.Signals) -> None:
    """Signal the groups of these processes, and wait until the processes are gone, but not for long."""
    with ExitStack() as stack:
        watched = []
        for pid in found:
            with suppress(OSError):  # gone meanwhile
                pidfd = os.pidfd_open(pid)
                stack.callback(os.close, pidfd)
                # Looked at once more: now it is held, and its number cannot become another's.
                if _has(pid, wanted):
                    _signal_group(pid, pidfd, number)
                    watched.append(pidfd)
        until = time.monotonic() + _STEP
        for pidfd in watched:
            select.select([pidfd], [], [], max(0.0, until - time.monotonic()))


def _signal_group(pid: int, pidfd: int, number: signal.Signals) -> None:
    group = os.getpgid(pid)
    if group == os.getpgrp():
        signal.pidfd_send_signal(pidfd, number)
    else:
        os.killpg(group, number)


def _pids() -> list[int]:
    numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in numbers if pid != os.getpid()]


def _has(pid: int, wanted: set[bytes]) -> bool:
    try:
        return not wanted.isdisjoint(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    except OSError:  # another user's, or gone meanwhile
        return False


def _program(pid: int) -> str:
    """Its name; never its arguments, which may hold a prompt."""
    try:
        return Path(f"/proc/{pid}/comm").read_text("utf-8", "replace").strip()
    except OSError:
        return "gone"
