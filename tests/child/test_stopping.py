from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from axm1_llm.child import Patience
from child.processes import (
    STUBBORN,
    children,
    readable,
    running,
    started,
    write_program,
    write_until_broken,
)

if TYPE_CHECKING:
    from pathlib import Path

    from child.processes import Liveness, Sink

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
    script = "trap 'echo TERM; exit 4' TERM; echo up; read -r w; echo $w; while :; do read -r _ <hold; done"
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
        with pytest.raises(BrokenPipeError):
            await write_until_broken(run.child)
        assert await run.child.stop(b"q\n") == -signal.SIGTERM


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
        assert set(codes) == {-signal.SIGTERM}
        assert await run.child.stop(b"q\n") == -signal.SIGTERM
        run.child.interrupt()  # of no effect, and no error


async def test_a_child_that_outlives_sigkill_is_given_up_and_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path, "exec sleep 60", patience=Patience(0, 0, 0.1)) as run:
        with monkeypatch.context() as patch, capture_logs() as logs:
            # Signals without effect: how a process looks that hangs in the driver.
            patch.setattr(os, "killpg", lambda _pid, _number: None)
            assert await run.child.stop() == -signal.SIGKILL
        assert not run.child.exited.done()
        assert [(entry["event"], entry["pid"]) for entry in logs] == [
            ("child_survived_sigkill", run.child.pid)
        ]
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

    async def fail() -> None:
        async with running(tmp_path, "./runtime", patience=_HASTY):
            await liveness.alive()
            raise KeyError

    with pytest.raises(KeyError):
        await fail()
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
    before = children(os.getpid())
    output: asyncio.Future[Sink] = asyncio.get_running_loop().create_future()

    async def run_for_ever() -> None:
        patience = Patience(quit=_NEVER, terminate=_NEVER)
        async with running(tmp_path, "exec ./runtime", patience=patience) as run:
            output.set_result(run.out)
            await asyncio.Event().wait()

    task = asyncio.create_task(run_for_ever())
    await liveness.alive()
    task.cancel()
    await (await output).until(b"SIGTERM\n")
    task.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await task
    # The child was waited for before the block was left: a loop may close right after.
    assert children(os.getpid()) == before
    await liveness.dead()
