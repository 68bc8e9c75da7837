"""One child process group: spawn, output chunks, write, interrupt, stop.

It knows nothing of models. A child cannot outlive its ``async with``, and no member of its group
outlives this process: see `_LAUNCHER`.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

_CHUNK = 65536

# The group's leader first leaves a watcher behind in its own group, then becomes the program.
# The watcher reads from a pipe whose other end only this process holds: when this process is gone,
# killed by SIGKILL too, the read ends and the watcher kills its group. PR_SET_PDEATHSIG would not do:
# it reaches the run script only, not the executable that the script forks, and it is bound to a thread.
# The watcher holds neither stdin nor the output pipes, and ignores what is meant for the program.
_LAUNCHER = (
    """{ trap '' HUP INT TERM; read -r _ <"/dev/fd/$0"; kill -KILL 0; } >/dev/null 2>&1 & exec "$@" """
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long each step of stopping may take, in seconds, before the next one follows."""

    quit: float = 3.0
    terminate: float = 3.0
    kill: float = 2.0


class Child:
    """A running child and its process group; made by `start_child` only.

    Attributes:
        pid: the leader's process id, which is the group's id too.
        exited: its exit code (negative: the signal that ended it), set after all of its output was
            handed over.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        lifeline: int,
        sinks: tuple[Callable[[bytes], None], Callable[[bytes], None]],
        patience: Patience,
    ) -> None:
        assert process.stdin is not None  # noqa: S101 - Popen was asked for pipes
        assert process.stdout is not None  # noqa: S101 - the same
        assert process.stderr is not None  # noqa: S101 - the same
        self._loop = asyncio.get_running_loop()
        self._process = process
        self._lifeline = lifeline
        self._patience = patience
        self._stdin = process.stdin.fileno()
        self._unwritten = bytearray()
        self._outputs = {process.stdout.fileno(): sinks[0], process.stderr.fileno(): sinks[1]}
        self._pidfd = os.pidfd_open(process.pid)
        self.pid = process.pid
        self.exited: asyncio.Future[int] = self._loop.create_future()
        os.set_blocking(self._stdin, False)
        for fd in self._outputs:
            os.set_blocking(fd, False)
            self._loop.add_reader(fd, self._read, fd)
        self._loop.add_reader(self._pidfd, self._reap)

    def write(self, data: bytes) -> None:
        """Put `data` on the child's stdin, without ever blocking.

        Raises:
            BrokenPipeError: the child is gone, or has closed its stdin.
        """
        if self._process.returncode is not None:
            raise BrokenPipeError
        self._unwritten += data
        try:
            self._flush()
        except BrokenPipeError:
            self._unwritten.clear()
            raise

    def interrupt(self) -> None:
        """Send SIGINT to the group: sent to the run script alone it does nothing (seen)."""
        self._signal(signal.SIGINT)

    async def stop(self, farewell: bytes = b"") -> int:
        """End the group: `farewell` on stdin, then SIGTERM, then SIGKILL, each with a deadline.

        SIGTERM skips the vendor runtime's clean-up, and some firmware then keeps the card's memory;
        so a runtime is first asked to leave with its own word.

        Returns:
            The exit code; -9 when even SIGKILL had no effect in time (a process that hangs in the
            driver), which is logged.
        """
        if farewell and not self.exited.done():
            with suppress(BrokenPipeError):
                self.write(farewell)
                await self._gone_within(self._patience.quit)
        if not self.exited.done():
            self._signal(signal.SIGTERM)
            await self._gone_within(self._patience.terminate)
        if not self.exited.done():
            self._signal(signal.SIGKILL)
            await self._gone_within(self._patience.kill)
        if not self.exited.done():
            structlog.get_logger().error("child_survived_sigkill", pid=self.pid)
            return -signal.SIGKILL
        return self.exited.result()

    async def kill(self) -> None:
        """Send SIGKILL to the group at once, and wait until it is gone, but not for long."""
        if not self.exited.done():
            self._signal(signal.SIGKILL)
            await self._gone_within(self._patience.kill)

    async def _gone_within(self, seconds: float) -> None:
        # Not `process.wait()`: asyncio's also waits for the pipes, which a grandchild may hold.
        await asyncio.wait((self.exited,), timeout=seconds)

    def _signal(self, number: signal.Signals) -> None:
        # The leader's pid is the group's id. Never through getpgid: it fails once the leader is reaped.
        if not self.exited.done():
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def _flush(self) -> None:
        try:
            while self._unwritten:
                del self._unwritten[: os.write(self._stdin, self._unwritten)]
        except BlockingIOError:
            self._loop.add_writer(self._stdin, self._flush_later)
            return
        self._loop.remove_writer(self._stdin)

    def _flush_later(self) -> None:
        with suppress(BrokenPipeError):  # the exit that caused it is reported by `exited`
            self._flush()
            return
        self._unwritten.clear()
        self._loop.remove_writer(self._stdin)

    def _read(self, fd: int) -> bool:
        """Hand over one chunk; False when there is nothing more to read now."""
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return False
        if data:
            self._outputs[fd](data)
        else:
            self._loop.remove_reader(fd)
        return bool(data)

    def _reap(self) -> None:
        code = self._process.poll()
        if code is None:
            return
        # What the leader left behind (a runtime whose script was killed, the watcher) goes now:
        # a runtime without its script holds the card.
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        for fd in self._outputs:
            # Bounded: a grandchild that left the group could keep the pipe open and full.
            for _ in range(64):
                if not self._read(fd):
                    break
        self._release()
        self.exited.set_result(code)

    def _release(self) -> None:
        for fd in (*self._outputs, self._pidfd):
            self._loop.remove_reader(fd)
        self._loop.remove_writer(self._stdin)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        os.close(self._pidfd)
        os.close(self._lifeline)


def _check_executable(program: str, cwd: Path, env: Mapping[str, str]) -> None:
    # The launcher is a shell: what it cannot execute it reports as exit 126 or 127, too late to name.
    found = cwd / program if "/" in program else Path(shutil.which(program, path=env.get("PATH")) or program)
    if not found.is_file():
        raise FileNotFoundError(f"'{program}' is not a file in '{cwd}'")
    if not os.access(found, os.X_OK):
        raise PermissionError(f"'{program}' in '{cwd}' is not executable; run: chmod +x {found}")


def _spawn(argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    watched, lifeline = os.pipe()
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", _LAUNCHER, str(watched), *argv],
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            pass_fds=(watched,),
            start_new_session=True,
        )
    except BaseException:
        os.close(lifeline)
        raise
    finally:
        os.close(watched)
    return process, lifeline


def _abandon(process: subprocess.Popen[bytes], lifeline: int) -> None:
    """End a process that nobody will own, and wait for it: it has done nothing yet."""
    os.close(lifeline)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with process:  # closes the pipes and reaps
        pass


@asynccontextmanager
async def start_child(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    on_stdout: Callable[[bytes], None],
    on_stderr: Callable[[bytes], None],
    patience: Patience = Patience(),
    farewell: bytes = b"",
) -> AsyncIterator[Child]:
    """Run `argv` in `cwd` as a group of its own; leaving the block ends every process of it.

    Args:
        argv: the program, relative to `cwd` when it has a slash, and its arguments.
        cwd: the folder it runs in.
        env: its whole environment.
        on_stdout: called in the event loop with each chunk, at most 64 KiB; must not block.
        on_stderr: the same for stderr.
        patience: the deadlines of stopping.
        farewell: what is written on stdin, on leaving, to ask the program to end by itself.

    Raises:
        FileNotFoundError: there is no such program.
        PermissionError: it is not executable.
    """
    _check_executable(argv[0], cwd, env)
    # No await between here and the `try`: a cancellation in the gap would leak a live process.
    process, lifeline = _spawn(argv, cwd, env)
    try:
        child = Child(process, lifeline, (on_stdout, on_stderr), patience)
    except BaseException:  # too many open files, for one
        _abandon(process, lifeline)
        raise
    try:
        yield child
    finally:
        try:
            await child.stop(farewell)
        finally:
            await child.kill()  # for a second cancellation, which ends `stop` early
