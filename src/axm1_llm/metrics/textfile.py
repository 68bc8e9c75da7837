"""Metrics files for node_exporter's textfile collector, written by a thread of their own.

They are readable by everybody: node_exporter runs as a user of its own. No fsync: after a power cut a file
may be one prompt older, which is cheaper than a flush to an SD card after each prompt.
"""

from __future__ import annotations

import asyncio
import errno
import re
import threading
import time
from typing import TYPE_CHECKING

import structlog

from axm1_llm.whole_file import write_file

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

SERVICE_FILE = "axm1-llm-metrics.prom"
FILE_PATTERN = "axm1-llm-*metrics.prom"
"""Matches every file that is written here."""


def file_name(model: str, taken: Collection[str] = ()) -> str:
    """The name of a model's file: ``axm1-llm-<model>-metrics.prom``.

    Characters that a file name cannot hold everywhere become ``_``. Where that gives a name in `taken`
    (``a/b`` after ``a_b``), a number is added.
    """
    safe = re.sub(r"[^\w.:@+-]", "_", model)
    name = f"axm1-llm-{safe}-metrics.prom"
    number = 2
    while name in taken:
        name = f"axm1-llm-{safe}~{number}-metrics.prom"
        number += 1
    return name


class TextfileWriter:
    """Writes files of one folder, one at a time, each at most as often as the disk can.

    A plain daemon thread, not a pool: neither the event loop nor the end of the service may wait for a
    disk that hangs.

    Args:
        directory: the folder.
        content: called in the thread with a file's name, gives its text; None: there shall be no such file.
        failed: called in the thread after each write that failed.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        directory: Path,
        content: Callable[[str], bytes | None],
        failed: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._content = content
        self._failed = failed
        self._clock = clock
        self._changed = threading.Condition()
        self._due: dict[str, float] = {}
        self._closing = False
        self._thread: threading.Thread | None = None
        self._failing: dict[str, int | None] = {}

    def schedule(self, name: str, delay: float = 0.0) -> None:
        """Have file `name` written `delay` seconds from now, or sooner when that is already asked for.

        Its text is taken when it is written, so any number of calls in between cost one write, and what
        was counted before the last call is always in the file in the end. Does not block.
        """
        due = self._clock() + delay
        with self._changed:
            if self._closing:
                return
            if due < self._due.get(name, float("inf")):
                self._due[name] = due
                self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="metrics-textfile", daemon=True)
                self._thread.start()

    async def aclose(self, patience: float = 2.0) -> None:
        """Write what is pending now, and end; gives up after `patience` seconds."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, patience)

    def _run(self) -> None:
        while (name := self._next()) is not None:
            self._write(name)

    def _next(self) -> str | None:
        """Wait for a file that is due; None when there will be no more."""
        with self._changed:
            while True:
                name = min(self._due, key=self._due.__getitem__, default=None)
                if name is None:
                    if self._closing:
                        return None
                    self._changed.wait()
                    continue
                wait = self._due[name] - self._clock()
                if wait <= 0 or self._closing:
                    # Off the list before its text is taken: what is counted from here on asks anew.
                    del self._due[name]
                    return name
                self._changed.wait(wait)

    def _write(self, name: str) -> None:
        try:
            text = self._content(name)
            if text is None:
                (self._directory / name).unlink(missing_ok=True)
            else:
                write_file(self._directory / name, text)
        except (OSError, ValueError) as error:  # ValueError: a name that UTF-8 cannot hold
            self._failed()
            self._warn_once(name, error)
        else:
            self._forget_failure(name)

    def _warn_once(self, name: str, error: OSError | ValueError) -> None:
        number = error.errno if isinstance(error, OSError) else None
        # A folder that is gone fails for every model: one line for that, not one a model.
        if number not in self._failing.values():
            structlog.get_logger().warning(
                "metrics_file_not_written",
                directory=str(self._directory),
                file=name,
                reason=str(error),
                advice=_advice(number),
            )
        self._failing[name] = number

    def _forget_failure(self, name: str) -> None:
        if name in self._failing:
            over = self._failing[name]
            self._failing = {other: number for other, number in self._failing.items() if number != over}


def _advice(number: int | None) -> str:
    match number:
        case errno.ENOENT | errno.ENOTDIR:
            return "create the folder, or give another one with --metrics-dir"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return "make the folder writable for the service's user, or give another one with --metrics-dir"
        case errno.ENOSPC | errno.EDQUOT:
            return "make room on its disk"
        case _:
            return "give another folder with --metrics-dir"
