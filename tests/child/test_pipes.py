from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from axm1_llm.child import start_child
from child.processes import STUBBORN, running, started, write_program, write_until_broken


async def test_output_arrives_in_order_and_wholly_before_the_exit(tmp_path: Path) -> None:
    async with running(tmp_path, "seq 1 60000; exit 7") as run:
        assert await run.exited() == 7
        assert run.out.data == b"".join(b"%d\n" % number for number in range(1, 60001))


# Leaves more in its pipes than one chunk, and exits.
_GENEROUS = f"""#!{sys.executable} -SE
import fcntl, os
for fd, size in ((1, 500_000), (2, 400_000)):
    fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, 1 << 20)
    os.write(fd, b"x" * size)
os._exit(5)
"""


async def test_what_a_dead_child_left_in_both_pipes_is_delivered(tmp_path: Path) -> None:
    write_program(tmp_path / "generous", _GENEROUS)
    async with started(tmp_path, ["./generous"]) as run:
        # Let it die before the loop reads anything: the exit and the output are seen in one turn.
        os.waitid(os.P_PID, run.child.pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - the loop must not run
        assert run.out.data == b""
        assert await run.exited() == 5
        assert (len(run.out.data), len(run.err.data)) == (500_000, 400_000)


async def test_a_chunk_has_at_most_64_kib(tmp_path: Path) -> None:
    chunks: list[int] = []
    async with start_child(
        ["/bin/sh", "-c", "head -c 300000 /dev/zero"],
        cwd=tmp_path,
        env={},
        on_stdout=lambda chunk: chunks.append(len(chunk)),
        on_stderr=lambda _: None,
    ) as child:
        async with asyncio.timeout(5):
            await child.exited
    assert sum(chunks) == 300000
    assert max(chunks) <= 65536


async def test_more_than_a_pipe_holds_is_written_without_blocking(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    async with running(tmp_path, "read -r _ <gate; head -c 1000003 | cksum; exec cat >/dev/null") as run:
        data = bytes(range(256)) * 3907
        run.child.write(data[:1_000_000])  # returns although nobody reads yet
        run.child.write(b"end")
        assert run.out.data == b""
        gate = os.open(tmp_path / "gate", os.O_RDWR | os.O_NONBLOCK)
        os.write(gate, b"go\n")
        await run.out.until(b"1000003")
        os.close(gate)
    expected = await _cksum(tmp_path, data[:1_000_000] + b"end")
    assert run.out.data == expected


async def _cksum(folder: Path, data: bytes) -> bytes:
    (folder / "data").write_bytes(data)
    async with running(folder, "cksum <data") as run:
        await run.exited()
    return bytes(run.out.data)


async def test_to_write_to_a_dead_child_is_a_broken_pipe(tmp_path: Path) -> None:
    async with running(tmp_path, "exit 0") as run:
        await run.exited()
        with pytest.raises(BrokenPipeError):
            run.child.write(b"hello\n")


async def test_to_write_to_a_child_that_closed_its_stdin_is_a_broken_pipe(tmp_path: Path) -> None:
    # Nobody else, the watcher for one, may hold the reading end.
    async with running(tmp_path, "exec <&-; echo closed; exec sleep 60") as run:
        await run.out.until(b"closed")
        with pytest.raises(BrokenPipeError):
            await write_until_broken(run.child)


async def test_a_write_that_waits_is_given_up_when_the_child_closes_its_stdin(tmp_path: Path) -> None:
    problems: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    os.mkfifo(tmp_path / "gate")
    async with running(tmp_path, "read -r _ <gate; exec <&-; echo closed; exec sleep 60") as run:
        run.child.write(b"x" * 1_000_000)
        gate = os.open(tmp_path / "gate", os.O_RDWR | os.O_NONBLOCK)
        os.write(gate, b"go\n")
        await run.out.until(b"closed")
        os.close(gate)
        with pytest.raises(BrokenPipeError):
            await write_until_broken(run.child)
    assert problems == []


async def test_a_sink_that_raises_does_not_hide_the_exit(tmp_path: Path) -> None:
    def raise_error(_: bytes) -> None:
        raise RuntimeError

    problems: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    write_program(tmp_path / "generous", _GENEROUS)
    async with start_child(
        ["./generous"],
        cwd=tmp_path,
        env={},
        on_stdout=raise_error,
        on_stderr=raise_error,
    ) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - the loop must not run
        async with asyncio.timeout(5):
            assert await child.exited == 5
    assert {type(problem["exception"]) for problem in problems} == {RuntimeError}


async def test_an_interrupt_reaches_a_runtime_that_the_script_forked(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "alive")
    gate = os.open(tmp_path / "alive", os.O_RDWR)
    write_program(tmp_path / "runtime", STUBBORN)
    async with running(tmp_path, "./runtime; echo the runtime has gone") as run:
        await run.out.until(b"up\n")
        run.child.interrupt()
        await run.out.until(b"SIGINT\n")
        run.child.write(b"still here\n")
        await run.out.until(b"still here\n")
        assert not run.child.exited.done()
        assert b"gone" not in run.out.data
    os.close(gate)


async def test_what_python_ignores_for_itself_is_not_ignored_in_the_program(tmp_path: Path) -> None:
    async with started(tmp_path, ["cat", "/proc/self/status"]) as run:
        await run.exited()
    masks = signal_masks(run.out.data.decode())
    here = own_masks()
    python_s = 1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1)
    # What the tests themselves were started with (a signal of the C library, say) is nobody's choice here.
    assert here["SigIgn"] & python_s == python_s
    assert masks["SigIgn"] == here["SigIgn"] & ~python_s
    assert masks["SigBlk"] == 0


def own_masks() -> dict[str, int]:
    return signal_masks(Path("/proc/self/status").read_text())


def signal_masks(status: str) -> dict[str, int]:
    rows = (line.split(":\t") for line in status.splitlines() if line.startswith(("SigIgn", "SigBlk")))
    return {name: int(mask, 16) for name, mask in rows}
