"""The stand-in as a child of a test: what it wrote, waits that are bounded, and its end."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PATIENCE = 60.0  # seconds; only a failing test waits that long


class Run:
    """A started process, in a group of its own.

    Attributes:
        output: bytes on stdout so far.
        traffic: (seconds since the start, descriptor, bytes) of each piece that was read or written.
        errors: bytes on stderr so far.
    """

    def __init__(
        self,
        flags: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        under_shell: bool = False,
        faults: str = "",
    ) -> None:
        command = [sys.executable, "-m", "axm1_llm.sim", *flags]
        if under_shell:
            command = ["/bin/sh", "-c", f'{sys.executable} -m axm1_llm.sim "$@"\nexit $?', "run.sh", *flags]
        self.started = time.monotonic()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**env, "AXM1_SIM_FAULTS": faults},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._stdin = self.process.stdin
        self._stdout = self.process.stdout
        self.output = b""
        self.traffic: list[tuple[float, int, bytes]] = []
        self.errors = b""

    def read_once(self, seconds: float) -> bool:
        """Wait for one piece of output; False at the end of the file or of the time."""
        ready, _, _ = select.select([self._stdout], [], [], max(0.0, seconds))
        data = os.read(self._stdout.fileno(), 65536) if ready else b""
        if data:
            self.output += data
            self.traffic.append((time.monotonic() - self.started, 1, data))
        return bool(data)

    def read_until(self, wanted: bytes, *, count: int = 1) -> bytes:
        """All output once it holds the wanted bytes that many times."""
        deadline = time.monotonic() + PATIENCE
        while self.output.count(wanted) < count:
            alive = self.read_once(deadline - time.monotonic())
            assert alive, f"{wanted!r} never came; got {self.output[-200:]!r} and {self._read_errors()!r}"
        return self.output

    def read_all(self) -> bytes:
        """All output until stdout is closed."""
        deadline = time.monotonic() + PATIENCE
        while self.read_once(deadline - time.monotonic()):
            pass
        return self.output

    def silent_for(self, seconds: float) -> bool:
        """Whether nothing comes for so long, though stdout stays open."""
        ready, _, _ = select.select([self._stdout], [], [], seconds)
        return not ready

    def write(self, data: bytes) -> None:
        self.traffic.append((time.monotonic() - self.started, 0, data))
        self._stdin.write(data)
        self._stdin.flush()

    def close_stdin(self) -> None:
        self._stdin.close()

    def close_stdout(self) -> None:
        self._stdout.close()

    def stays_alive(self, seconds: float) -> bool:
        """Whether it still runs after that time."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        return self.process.poll() is None

    def interrupt(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)

    def wait(self) -> int:
        """The exit code, once it has ended; a negative one is the signal it died of."""
        code = self.process.wait(PATIENCE)
        self.errors = self._read_errors()
        return code

    def _read_errors(self) -> bytes:
        self._errors.seek(0)
        return self._errors.read()

    def finish(self) -> bytes:
        """Write ``q`` and give all output of a run that then left with code 0."""
        self.write(b"q\n")
        output = self.read_all()
        assert self.wait() == 0, self.errors
        return output

    def close(self) -> None:
        """Kill what is left of it."""
        with suppress(BrokenPipeError):
            self._stdin.close()
        self._stdout.close()
        self._errors.close()
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)


_MASKS = (
    (rb"build time: [^\n]*", b"build time"),
    (rb"\[\d+\.\d\ds<\d+\.\d\ds, (?:\d+\.\d\d|inf) (\w+)/s\]", rb"[\1/s]"),
    (rb"avg \d+\.\d\d token/s", b"avg token/s"),
    (rb"ttft: \d+\.\d\d ms", b"ttft"),
    (rb"image encode time : \d+\.\d+ ms", b"image encode time"),
    (rb"localhost:\d+", b"localhost"),
)


def masked(output: bytes) -> bytes:
    """The output without times, rates, build time and ports."""
    for pattern, replacement in _MASKS:
        output = re.sub(pattern, replacement, output)
    return output
