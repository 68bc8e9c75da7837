"""No member of the group outlives the service, killed by SIGKILL or not."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from axm1_llm.child import Patience
from child.processes import STUBBORN, children, readable, running, write_program

if TYPE_CHECKING:
    from child.processes import Liveness

_SERVICE = """
import asyncio, os, pathlib, signal, sys
import uvloop
from axm1_llm.child import start_child

async def serve():
    output = bytearray()
    up = asyncio.Event()
    def take(chunk):
        output.extend(chunk)
        if output.count(b"up") == 2:
            up.set()
    async with start_child(
        ["./run.sh"], cwd=pathlib.Path(), env=dict(os.environ), on_stdout=take, on_stderr=take
    ) as child:
        await up.wait()
        # Nothing that is meant for the program may end what guards it.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.killpg(child.pid, number)
        print("serving", flush=True)
        await asyncio.Event().wait()

factory = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}[sys.argv[1]]
with asyncio.Runner(loop_factory=factory) as runner:
    runner.run(serve())
"""
_SCRIPT = """#!/bin/sh
trap '' INT TERM HUP
./runtime & ./runtime & wait
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_when_the_service_is_killed_nothing_of_the_group_is_left_within_two_seconds(
    tmp_path: Path, liveness: Liveness, loop: str
) -> None:
    write_program(tmp_path / "runtime", STUBBORN)
    write_program(tmp_path / "run.sh", _SCRIPT)
    with subprocess.Popen(
        [sys.executable, "-c", _SERVICE, loop], cwd=tmp_path, stdout=subprocess.PIPE
    ) as service:
        assert service.stdout is not None
        assert service.stdout.readline() == b"serving\n"
        assert liveness.is_held()
        service.kill()
        killed = time.monotonic()
        asyncio.run(liveness.dead())
        assert time.monotonic() - killed < 2


async def test_a_parent_that_dies_by_an_error_takes_the_group_along(
    tmp_path: Path, liveness: Liveness
) -> None:
    # The loop is not left in order: only the end of the process closes the lifeline.
    write_program(tmp_path / "runtime", STUBBORN)
    write_program(tmp_path / "run.sh", _SCRIPT)
    service = _SERVICE.replace('print("serving", flush=True)', "os._exit(1)")
    with subprocess.Popen([sys.executable, "-c", service, "asyncio"], cwd=tmp_path) as process:  # noqa: ASYNC220 - waited for below
        await liveness.dead()
        assert process.wait() == 1


async def test_the_watcher_holds_none_of_the_pipes(tmp_path: Path) -> None:
    async with running(tmp_path, "echo up; exec sleep 60") as run:
        await run.out.until(b"up")
        (watcher,) = children(run.child.pid)
        pipes = {_open_files(run.child.pid)[number] for number in "012"}
        async with asyncio.timeout(5):
            while pipes & set(_open_files(watcher).values()):  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0)


def _open_files(pid: int) -> dict[str, str]:
    found = {}
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found[fd.name] = str(fd.readlink())
    return found


@pytest.mark.parametrize("way", ["exit", "stop"])
async def test_the_watcher_does_not_survive(tmp_path: Path, way: str) -> None:
    async with running(tmp_path, "echo up; read -r _; exit 0") as run:
        await run.out.until(b"up")
        (watcher,) = children(run.child.pid)
        pidfd = os.pidfd_open(watcher)
        if way == "exit":
            run.child.write(b"leave\n")
            await run.exited()
        else:
            await run.child.stop()
    try:
        await readable(pidfd)
    finally:
        os.close(pidfd)


async def test_an_interrupt_spares_the_watcher(tmp_path: Path) -> None:
    script = "trap 'echo caught' INT TERM; echo up; while :; do read -r _; done"
    async with running(tmp_path, script, patience=Patience(terminate=0.1)) as run:
        await run.out.until(b"up")
        (watcher,) = children(run.child.pid)
        await _ignores(watcher, signal.SIGTERM)
        for number, count in ((signal.SIGINT, 1), (signal.SIGTERM, 2)):
            os.killpg(run.child.pid, number)
            run.child.write(b"\n")
            await run.out.until(b"caught\n" * count)
        assert children(run.child.pid) == {watcher}
        assert "(zombie)" not in _status(watcher)


async def _ignores(pid: int, number: signal.Signals) -> None:
    async with asyncio.timeout(5):
        while not _ignored(pid) >> (number - 1) & 1:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0)


def _ignored(pid: int) -> int:
    lines = _status(pid).splitlines()
    return next(int(line.split()[1], 16) for line in lines if line.startswith("SigIgn"))


def _status(pid: int) -> str:
    return Path(f"/proc/{pid}/status").read_text()
