"""Real processes for the tests, and proof that they live or are dead."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from axm1_llm.child import Child, Patience, start_child

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

# Seconds that any wait for a real process may take.
DEADLINE = 10.0
DEFAULT_PATIENCE = Patience()

# A runtime that ignores every signal it can, says so, and says what comes on stdin.
STUBBORN = f"""#!{sys.executable} -SE
import os, signal, sys
def tell(number, frame):
    os.write(1, signal.Signals(number).name.encode() + b"\\n")
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, tell)
alive = os.open("alive", os.O_WRONLY)
os.write(alive, b"alive\\n")
os.write(1, b"up\\n")
for line in sys.stdin:
    os.write(1, line.encode())
while True:
    signal.pause()
"""


async def readable(fd: int) -> None:
    """Wait until a descriptor is readable; a pidfd is when its process has ended."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(fd, ready.set)
    try:
        async with asyncio.timeout(DEADLINE):
            await ready.wait()
    finally:
        loop.remove_reader(fd)


class Liveness:
    """The reading end of a FIFO that processes hold open to show that they live."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def fileno(self) -> int:
        return self._fd

    async def alive(self, count: int = 1) -> None:
        """Wait until so many processes have written a line, and see that one still holds the FIFO."""
        lines = 0
        while lines < count:
            await readable(self._fd)
            lines += os.read(self._fd, 4096).count(b"\n")
        assert self.is_held()

    def is_held(self) -> bool:
        """Whether some process lives."""
        try:
            return os.read(self._fd, 4096) != b""
        except BlockingIOError:
            return True

    async def dead(self) -> None:
        """Wait until no process holds the FIFO any more."""
        await readable(self._fd)
        while data := os.read(self._fd, 4096):
            assert set(data.split()) == {b"alive"}
            await readable(self._fd)


class Sink:
    """Takes output, and lets a test wait for words in it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._news = asyncio.Event()

    def __call__(self, chunk: bytes) -> None:
        self.data += chunk
        self._news.set()

    async def until(self, words: bytes) -> None:
        """Wait until `words` have come."""
        async with asyncio.timeout(DEADLINE):
            while words not in self.data:
                self._news.clear()
                await self._news.wait()


@dataclass(frozen=True)
class Run:
    """A started child with what it has printed so far."""

    child: Child
    out: Sink = field(default_factory=Sink)
    err: Sink = field(default_factory=Sink)

    async def exited(self) -> int:
        """Wait for the exit code."""
        async with asyncio.timeout(DEADLINE):
            return await asyncio.shield(self.child.exited)


def write_program(path: Path, text: str) -> Path:
    """Write an executable file."""
    path.write_text(text)
    path.chmod(0o755)
    return path


@asynccontextmanager
async def running(
    folder: Path,
    script: str,
    *arguments: str,
    patience: Patience = DEFAULT_PATIENCE,
    farewell: bytes = b"",
    env: Mapping[str, str] | None = None,
) -> AsyncIterator[Run]:
    """Run a shell script in `folder`."""
    write_program(folder / "run.sh", "#!/bin/sh\n" + script)
    async with started(folder, ["./run.sh", *arguments], patience, farewell, env) as run:
        yield run


@asynccontextmanager
async def started(
    folder: Path,
    argv: Sequence[str],
    patience: Patience = DEFAULT_PATIENCE,
    farewell: bytes = b"",
    env: Mapping[str, str] | None = None,
) -> AsyncIterator[Run]:
    """Run a program in `folder`, every wait bounded."""
    out, err = Sink(), Sink()
    async with (
        asyncio.timeout(3 * DEADLINE),
        start_child(
            argv,
            cwd=folder,
            env={"PATH": os.environ["PATH"]} if env is None else env,
            on_stdout=out,
            on_stderr=err,
            patience=patience,
            farewell=farewell,
        ) as child,
    ):
        yield Run(child, out, err)


def descriptors() -> set[str]:
    """The open descriptors of this process, each with what it is."""
    found = set()
    for fd in Path("/proc/self/fd").iterdir():
        try:
            found.add(f"{fd.name} {fd.readlink()}")
        except FileNotFoundError:  # the one that lists the folder
            continue
    return found


def children(pid: int) -> set[int]:
    """The children of a process, the dead that nobody has waited for among them."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        found |= set(map(int, (task / "children").read_text().split()))
    return found


async def write_until_broken(child: Child) -> None:
    """Write until the pipe is known to be broken, which may take the kernel and the loop a moment."""
    async with asyncio.timeout(DEADLINE):
        while True:
            child.write(b"x")
            await asyncio.sleep(0)
