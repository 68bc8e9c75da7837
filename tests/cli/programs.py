"""Runs `axm1` as a program of its own: with pipes, or in a terminal."""

from __future__ import annotations

import codecs
import os
import pty
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Self

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping

AXM1 = (sys.executable, "-m", "axm1_llm.cli")
_LONGEST = 20.0
# A new session has no terminal of its own until it takes one; only then does Ctrl-C reach it.
_TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's, without what would change the command's mind."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AXM1_", "OLLAMA_")) and name not in {"NO_COLOR", "COLUMNS", "LINES"}
    }
    # Colours are asked for loudly: pipes must stay plain all the same.
    # What is typed in a test's chat is not kept: no folder can be there.
    fixed = {"TERM": "xterm-256color", "FORCE_COLOR": "1", "TZ": "UTC", "XDG_STATE_HOME": "/dev/null/state"}
    return {**kept, **fixed, **(more or {})}


def axm1(
    *arguments: str, stdin: str | bytes = b"", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run it with pipes, to its end."""
    return subprocess.run(
        [*AXM1, *arguments],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        env=environment(env),
        timeout=_LONGEST,
        check=False,
    )


class Terminal:
    """`axm1` in a terminal of its own."""

    def __init__(
        self, *arguments: str, stdout: int | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        self._master, slave = pty.openpty()
        self._seen = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, *AXM1, *arguments],
            stdin=slave,
            stdout=slave if stdout is None else stdout,
            stderr=slave,
            env=environment({"COLUMNS": "120", **(env or {})}),
            start_new_session=True,
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(5)
        os.close(self._master)

    def see(self, text: str) -> str:
        """Wait until `text` is on the screen; what stands before it, since the last look."""
        until = time.monotonic() + _LONGEST
        while text not in self._seen:
            ready, _, _ = select.select([self._master], [], [], max(0, until - time.monotonic()))
            assert ready, f"{text!r} did not come; seen: {self._seen!r}"
            try:
                self._seen += self._decoder.decode(os.read(self._master, 65536))
            except OSError as error:  # EIO: the other side is gone
                raise AssertionError(f"it left without {text!r}; seen: {self._seen!r}") from error
        before, _, self._seen = self._seen.partition(text)
        return before

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C once it waits: just before readline does, it is heard with the next key only."""
        process = psutil.Process(self._process.pid)
        until = time.monotonic() + _LONGEST
        while process.status() != psutil.STATUS_SLEEPING:
            assert time.monotonic() < until, "it never waits"
            os.sched_yield()
        self.type("\x03")

    def leave(self) -> int:
        """Wait for its end; the exit code."""
        return self._process.wait(_LONGEST)
