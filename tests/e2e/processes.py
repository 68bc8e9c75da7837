"""Finds every process of a started service, and proves it alive or dead.

All of them inherit one environment variable from the service, so a grandchild that left its group and was
adopted by init is found as well. Ends are waited for on pidfds.
"""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

MARK = "E2E_RUN"


def processes_of(mark: str) -> list[psutil.Process]:
    """Every live process that has this mark in its environment."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _has(entry / "environ", wanted):
            with suppress(psutil.NoSuchProcess):
                found.append(psutil.Process(int(entry.name)))
    return [process for process in found if _lives(process)]


def _has(environ: Path, wanted: bytes) -> bool:
    try:
        return wanted in environ.read_bytes().split(b"\0")
    except OSError:  # gone meanwhile
        return False


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


def runs_in(process: psutil.Process, folder: Path) -> bool:
    """Whether it is there and works in `folder`."""
    with suppress(psutil.NoSuchProcess):
        return Path(process.cwd()) == folder
    return False


def survivors(processes: list[psutil.Process], seconds: float) -> list[str]:
    """Those that still live after at most so many seconds, as their command lines."""
    until = time.monotonic() + seconds
    left = []
    with ExitStack() as stack:
        for process in processes:
            try:
                pidfd = os.pidfd_open(process.pid)
            except ProcessLookupError:
                continue
            stack.callback(os.close, pidfd)
            ended, _, _ = select.select([pidfd], [], [], max(0.0, until - time.monotonic()))
            if not ended:
                left.append(process)
    return [describe(process) for process in left]


def left_of(mark: str, seconds: float) -> list[str]:
    """The processes with this mark that still live after at most so many seconds, newborn ones too."""
    until = time.monotonic() + seconds
    while (found := processes_of(mark)) and time.monotonic() < until:
        survivors(found, until - time.monotonic())
    return [describe(process) for process in found]


def kill_all(mark: str) -> None:
    """Leave nothing behind, whatever a test has done."""
    for _ in range(5):
        found = processes_of(mark)
        for process in found:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        survivors(found, 5)


def describe(process: psutil.Process) -> str:
    """Number and command line, for an error message."""
    with suppress(psutil.NoSuchProcess):
        return f"{process.pid} {process.status()} {' '.join(process.cmdline())}"
    return f"{process.pid} gone"


@dataclass(frozen=True, slots=True)
class Footprint:
    """What the processes of a service hold.

    Attributes:
        commands: the programs, sorted; no numbers in them.
        files: open files of all together, sockets not counted.
        sockets: open sockets of all together.
        threads: of all together.
        resident: MiB of all together.
    """

    commands: tuple[str, ...]
    files: int
    sockets: int
    threads: int
    resident: float


def _open_files(pid: int) -> list[str]:
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.append(str(entry.readlink()))
    return found


def footprint(mark: str) -> Footprint:
    """One look at all processes with this mark."""
    found = processes_of(mark)
    targets = [target for process in found for target in _open_files(process.pid)]
    sockets = sum(target.startswith("socket:") for target in targets)
    return Footprint(
        commands=tuple(sorted(" ".join(process.cmdline()[:4]) for process in found)),
        files=len(targets) - sockets,
        sockets=sockets,
        threads=sum(process.num_threads() for process in found),
        resident=sum(process.memory_info().rss for process in found) / 2**20,
    )
