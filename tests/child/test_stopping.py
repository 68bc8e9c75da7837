from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs
from tests.child.processes import STUBBORN, children, readable, running, started, write_program

from axm1_llm.child import Patience

if TYPE_CHECKING:
    from pathlib import Path

    from tests.child.processes import Liveness

# A step that is not meant to be reached would take longer than the test may.
_NEVER = 60.0
_HASTY = Patience(quit=0.2, terminate=0.2, kill=5)


async def test_a_child_that_knows_the_farewell_leaves_by_itself(tmp_path: Path) -> None:
    script = "trap 'echo TERM' TERM; echo up; read -r word; echo \"bye $word\"; exit 3"
    async with running(tmp_path, script, patience=Patience(quit=_NEVER, terminate=_NEVER)) as run:
        await run.out.until(b"up\n")
        assert await run.child.stop(b"q\n") == 3
        assert run.out.data == b"up\nbye q\n"


async def test_a_child_that_does_not_heed_the_farewell_gets_sigterm(tmp_path: Path) -> None:
    script = "trap 'echo TERM; exit 4' TERM; echo up; read -r word; echo \"$word\"; while :; do read -r _ <hold; done"
    os.mkfifo(tmp_path / "hold")
    async with running(tmp_path, script, patience=Patience(quit=0.2, terminate=_NEVER)) as run:
        await run.out.until(b"up\n")
        assert await run.child.stop(b"q\n") == 4
        assert run.out.data == b"up\nq\nTERM\n"


async def test_a_child_that_ignores_both_is_killed(tmp_path: Path, liveness: Liveness) -> None:
    write_program(tmp_path / "runtime", STUBBORN)
    async with started(tmp_path, ["./runtime"], _HASTY) as run:
        await run.out.until(b"up\n")
        assert await run.child.stop(b"q\n") == -signal.SIGKILL
        assert run.out.data == b"up\nq\nSIGTERM\n"
        await liveness.dead()


async def test_without_a_farewell_stopping_begins_with_sigterm(tmp_path: Path) -> None:
    async with running(tmp_path, "exec sleep 60", patience=Patience(quit=_NEVER, terminate=_NEVER)) as run:
        assert await run.child.stop() == -signal.SIGTERM


async def test_a_child_that_reads_no_stdin_is_stopped_all_the_same(tmp_path: Path) -> None:
    async with running(tmp_path, "exec sleep 60", patience=_HASTY) as run:
        run.child.write(b"x" * 1_000_000)
        assert await run.child.stop(b"q\n") == -signal.SIGTERM


async def test_a_child_that_closed_its_stdin_is_not_waited_for(tmp_path: Path) -> None:
    patience = Patience(quit=_NEVER, terminate=_NEVER)
    async with running(tmp_path, "exec <&-; echo closed; exec sleep 60", patience=patience) as run:
        await run.out.until(b"closed")
        for watcher in children(run.child.pid):
            await _has_no_stdin(watcher)
        assert await run.child.stop(b"q\n") == -signal.SIGTERM


async def _has_no_stdin(pid: int) -> None:
    async with asyncio.timeout(5):
        while os.readlink(f"/proc/{pid}/fd/0") != "/dev/null":  # noqa: ASYNC110, PTH115 - no event tells
            await asyncio.sleep(0)


async def test_output_is_taken_while_stopping(tmp_path: Path) -> None:
    # More than a pipe holds: a child that nobody reads could not leave.
    script = "trap 'head -c 1000000 /dev/zero; exit 6' TERM; echo up; while :; do read -r _ <hold; done"
    os.mkfifo(tmp_path / "hold")
    async with running(tmp_path, script, patience=Patience(terminate=_NEVER)) as run:
        await run.out.until(b"up\n")
        assert await run.child.stop() == 6
        assert len(run.out.data) == 1_000_003


async def test_to_stop_twice_gives_the_same_code(tmp_path: Path) -> None:
    async with running(tmp_path, "exec sleep 60") as run:
        codes = await asyncio.gather(run.child.stop(b"q\n"), run.child.stop(), run.child.stop())
        assert codes == [-signal.SIGTERM] * 3
        assert await run.child.stop(b"q\n") == -signal.SIGTERM
        run.child.interrupt()  # of no effect, and no error


async def test_a_child_that_outlives_sigkill_is_given_up_and_logged(tmp_path: Path) -> None:
    # No real process does; a patience of nothing looks the same from here.
    with capture_logs() as logs:
        async with running(tmp_path, "exec sleep 60", patience=Patience(0, 0, 0)) as run:
            assert await run.child.stop() == -signal.SIGKILL
            assert not run.child.exited.done()
    assert [entry["event"] for entry in logs][:1] == ["child_survived_sigkill"]
    assert await run.exited() < 0


async def test_a_runtime_that_ignores_sigterm_goes_with_its_script(
    tmp_path: Path, liveness: Liveness
) -> None:
    write_program(tmp_path / "runtime", STUBBORN)
    # The shell dies of SIGTERM at once, and the patience with it is long.
    script = "./runtime & exec sleep 60"
    async with running(tmp_path, script, patience=Patience(terminate=_NEVER)) as run:
        await liveness.alive()
        assert await run.child.stop() == -signal.SIGTERM
        await liveness.dead()


@pytest.mark.parametrize("last_words", ["exit 5", "kill -KILL $$"])
async def test_a_shell_that_dies_takes_its_runtime_along(
    tmp_path: Path, liveness: Liveness, last_words: str
) -> None:
    write_program(tmp_path / "runtime", STUBBORN)
    async with running(tmp_path, f"./runtime & read -r _; {last_words}") as run:
        await liveness.alive()
        run.child.write(b"die\n")
        assert await run.exited() == (5 if "exit" in last_words else -signal.SIGKILL)
        await liveness.dead()


_RUNAWAY = f"""#!{sys.executable} -SE
import os, signal, sys
if os.fork() == 0:
    os.setsid()  # out of the group, with the pipes
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.write(1, b"%d\\n" % os.getpid())
    while sys.argv[1] == "flood":
        os.write(1, b"x" * 65536)
    signal.pause()
sys.stdin.readline()
"""


@pytest.mark.parametrize("what", ["hold", "flood"])
async def test_the_exit_is_noticed_at_once_though_a_grandchild_keeps_the_pipes(
    tmp_path: Path, what: str
) -> None:
    write_program(tmp_path / "runaway", _RUNAWAY)
    async with started(tmp_path, ["./runaway", what]) as run:
        await run.out.until(b"\n")
        runaway = int(run.out.data.split()[0])
        pidfd = os.pidfd_open(runaway)
        try:
            run.child.write(b"leave\n")
            assert await run.exited() == 0
            # It was alive until the exit; the flood then breaks on the closed pipe.
            if what == "hold":
                signal.pidfd_send_signal(pidfd, 0)
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            await readable(pidfd)
        finally:
            os.close(pidfd)


async def test_leaving_the_block_stops_the_child(tmp_path: Path, liveness: Liveness) -> None:
    write_program(tmp_path / "runtime", STUBBORN)
    async with running(tmp_path, "./runtime", patience=_HASTY, farewell=b"q\n") as run:
        await liveness.alive()
    assert b"q\n" in run.out.data
    assert run.child.exited.done()
    await liveness.dead()


async def test_an_error_in_the_block_leaves_nothing(tmp_path: Path, liveness: Liveness) -> None:
    write_program(tmp_path / "runtime", STUBBORN)
    with pytest.raises(KeyError):
        async with running(tmp_path, "./runtime", patience=_HASTY):
            await liveness.alive()
            raise KeyError
    await liveness.dead()


async def test_a_cancellation_leaves_nothing(tmp_path: Path, liveness: Liveness) -> None:
    write_program(tmp_path / "runtime", STUBBORN)

    async def run_for_ever() -> None:
        async with running(tmp_path, "./runtime", patience=_HASTY):
            await asyncio.Event().wait()

    task = asyncio.create_task(run_for_ever())
    await liveness.alive()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await liveness.dead()


async def test_a_second_cancellation_cuts_the_patience_short_and_leaves_nothing(
    tmp_path: Path, liveness: Liveness
) -> None:
    write_program(tmp_path / "runtime", STUBBORN)
    started_with = children(os.getpid())
    stopping = asyncio.Event()

    async def run_for_ever() -> None:
        async with running(
            tmp_path, "exec ./runtime", patience=Patience(quit=_NEVER, terminate=_NEVER)
        ) as run:
            try:
                await asyncio.Event().wait()
            finally:
                asyncio.create_task(run.out.until(b"SIGTERM")).add_done_callback(lambda _: stopping.set())  # noqa: RUF006 - the event keeps it

    task = asyncio.create_task(run_for_ever())
    await liveness.alive()
    task.cancel()
    async with asyncio.timeout(5):
        await stopping.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    # The child was waited for before the block was left: a loop may close right after.
    assert children(os.getpid()) == started_with
    await liveness.dead()
