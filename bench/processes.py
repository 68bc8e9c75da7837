"""Processes that are measured: start, processor time, memory, end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_START = 30.0
_END = 15.0


@contextmanager
def running(
    argv: Sequence[str | Path], log: Path, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own, its output in `log`; ended on leaving, with all it started."""
    with (
        log.open("ab") as output,
        subprocess.Popen(
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environ or {})},
            start_new_session=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_END)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def axm1(*words: str | Path) -> list[str | Path]:
    """The command line of an `axm1` command."""
    return [sys.executable, "-m", "axm1_llm.cli", *words]


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when `port` of this machine takes a connection.

    Raises:
        RuntimeError: the process ended, or the port stayed closed; the text has the end of the log.
    """
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.002)
    tail = log.read_text("utf-8", "replace")[-2000:]
    raise RuntimeError(f"{process.args!r} does not listen on port {port}:\n{tail}")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, all different."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def processor_seconds(pid: int) -> float:
    """Processor time of a process so far, user and system, all threads.

    From the process's own clock, which counts nanoseconds: `/proc/<pid>/stat` has the same sum in steps
    of 10 ms, and an answer at 20 tokens/s takes less than one step.
    """
    of_process = 2  # CPUCLOCK_SCHED; the number of a process's clock is made of it and the inverted pid
    return time.clock_gettime_ns((~pid << 3) | of_process) / 1e9


def resident_megabytes(pid: int) -> float:
    """Resident memory (VmRSS) of a process, in MB of 1,000,000 bytes."""
    status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024 / 1e6
