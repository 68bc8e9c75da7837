from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from axm1_llm.tokenizer.script import ScriptTokenizer
from axm1_llm.tokenizer.script_process import Script, ScriptError, run_script
from axm1_llm.tokenizer.states import Trigger
from tokenizer.processes import until_nobody_works_in, until_working_in

SCRIPT = Path(__file__).with_name("vendor_script.py")


def script(folder: Path, faults: str = "", deadline: float = 20.0) -> Script:
    shutil.copy(SCRIPT, folder / "tokenizer.py")
    return Script("tokenizer.py", folder, {**os.environ, "SCRIPT": faults}, deadline)


async def test_a_script_that_ignores_its_port_is_given_up_in_time(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="where --port says"):
        async with asyncio.timeout(10), run_script(script(tmp_path, "--wrong-port", deadline=0.5)):
            pytest.fail("it does not answer there")


async def test_a_script_that_knows_no_host_says_so_with_its_exit_code(tmp_path: Path) -> None:
    with pytest.raises(ScriptError) as caught:
        async with run_script(script(tmp_path, "--no-host")):
            pytest.fail("it exits")
    assert caught.value.exit_code == 2
    assert any("unrecognized arguments: --host" in line for line in caught.value.log_tail)


async def test_leaving_ends_the_script(tmp_path: Path) -> None:
    async with run_script(script(tmp_path)) as running:
        assert (running.bos_id, running.eos_id) == (-1, 0)
        assert not running.child.exited.done()
    assert running.child.exited.done()


async def test_a_start_that_is_cancelled_leaves_no_script_behind(tmp_path: Path) -> None:
    async def start() -> None:
        async with run_script(script(tmp_path, "--wrong-port")):
            pass

    task = asyncio.create_task(start())
    async with asyncio.timeout(10):
        await until_working_in(tmp_path)
        task.cancel()
        await asyncio.wait((task,))
    async with asyncio.timeout(2):
        await until_nobody_works_in(tmp_path)


async def test_a_script_whose_port_another_program_took_is_started_on_another_one(tmp_path: Path) -> None:
    seen: asyncio.Queue[Trigger] = asyncio.Queue()
    backend = ScriptTokenizer("m", script(tmp_path, "--port-taken"))
    running = asyncio.create_task(
        backend.run(lambda trigger, _: seen.put_nowait(trigger), retry=asyncio.Event())
    )
    async with asyncio.timeout(10):
        assert await seen.get() is Trigger.ANSWERED
        assert (tmp_path / "tried").exists()
        running.cancel()
        await asyncio.wait((running,))
        await until_nobody_works_in(tmp_path)
