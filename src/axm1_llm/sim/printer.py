"""The bytes on stdout: log lines, progress bars, the CMM table, and when each of them leaves the buffer.

All forms were seen on the vendor's host program. Its stdout is a C stream: line-buffered on a terminal,
block-buffered on a pipe, so that a log line arrives only with the next flush.
"""

from __future__ import annotations

import math
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_COLOURS = {"E": 31, "I": 32, "W": 33, "N": 35, "D": 37}
_BLOCK = 4096  # the size of a C stream's buffer on a pipe
_RESET = "\x1b[0m"
_BAR_CELLS = 32


class Stdout:
    """A C stream on a file descriptor."""

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self._buffer = bytearray()
        self._by_line = os.isatty(descriptor)

    def write(self, text: str | bytes) -> None:
        """Add to the buffer; full blocks (on a terminal: full lines) leave at once."""
        self._buffer += text.encode() if isinstance(text, str) else text
        if self._by_line and b"\n" in self._buffer:
            self._send(self._buffer.rindex(b"\n") + 1)
        elif len(self._buffer) >= _BLOCK:
            self._send(len(self._buffer) // _BLOCK * _BLOCK)

    def flush(self) -> None:
        """Send everything."""
        self._send(len(self._buffer))

    def close(self) -> None:
        """Close the pipe without sending what is left; what is written from now on goes nowhere."""
        self._buffer.clear()
        # Not just closed: the next socket to the tokenizer would get its number, and the answer with it.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._descriptor)
        os.close(nowhere)

    def log(self, level: str, function: str, line: int, text: str) -> None:
        """Print ``[L][function][line]: text`` in the level's colour; not flushed."""
        head = f"\x1b[1;30;{_COLOURS[level]}m[{level}][{function:>32}][{line:4d}]: "
        self.write(f"{head}{text}{_RESET}\n")

    def _send(self, count: int) -> None:
        data = memoryview(bytes(self._buffer[:count]))
        del self._buffer[:count]
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except OSError:
                # The vendor's program ignores SIGPIPE and never looks at what printf returns: it goes on
                # though nobody reads. It does so at full speed; this pause spares the machine.
                time.sleep(0.001)
                return


class ProgressBar:
    """The bar that the vendor's program draws while it loads, in place on one line."""

    def __init__(self, stdout: Stdout, total: int, unit: str = "count") -> None:
        self._stdout = stdout
        self._total = total
        self._unit = unit
        self._started = self._now()

    @staticmethod
    def _now() -> int:
        return time.monotonic_ns() // 1_000_000  # the original counts whole milliseconds

    def update(self, done: int, text: str) -> None:
        """Draw the bar at ``done`` of the total, followed by the text in green; flushed."""
        share = done / self._total
        filled = math.ceil(share * _BAR_CELLS)
        blank = math.ceil(_BAR_CELLS - share * _BAR_CELLS)
        spent = (self._now() - self._started) / 1000
        each = spent / done
        rate = 1 / each if each else math.inf
        cells = f"{'█' * filled}{' ' * blank}"
        self._stdout.write(
            f"\x1b[1;30;33m\r{int(share * 100):3d}% | {cells} | {done:3d} / {self._total:3d} "
            f"[{spent:.2f}s<{each * self._total:.2f}s, {rate:.2f} {self._unit}/s] \x1b[1;30;32m{text}{_RESET}"
        )
        self._stdout.flush()


def cmm_table(remaining: Iterable[tuple[int, int]]) -> str:
    """The table of (device, CMM that remains in MB) after loading."""
    rows = "".join(f"|{device:6d}|{megabytes:15d}|\n" for device, megabytes in remaining)
    return f"\x1b[1;30;35m{'_' * 24}\n|    ID| remain cmm(MB)|\n{'=' * 24}\n{rows}{'¯' * 24}\n{_RESET}"
