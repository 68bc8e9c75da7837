from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from axm1_llm.metrics.card import Card, find_card

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    Tool = Callable[[Sequence[str]], Path]
    Until = Callable[[Callable[[], bool]], Awaitable[None]]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def showing(text: str, asked: Path) -> list[str]:
    """A script that shows `text` and notes each run in `asked`."""
    return [f"echo run >>'{asked}'", "cat <<'BOX'", text, "BOX"]


def runs(asked: Path) -> int:
    return len(asked.read_text().splitlines()) if asked.exists() else 0


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except FileNotFoundError:
        return False
    return state not in "ZX"  # a zombie is dead; its parent has not looked yet


async def test_the_tool_is_found_on_the_path_and_gets_the_vendors_libraries(
    tool: Tool, tmp_path: Path, environ: dict[str, str], one_card: str
) -> None:
    seen = tmp_path / "libraries"
    tool([f"printenv LD_LIBRARY_PATH >'{seen}'", *showing(one_card, tmp_path / "asked")])
    card = find_card({"PATH": f"{tmp_path}:{environ['PATH']}", "LD_LIBRARY_PATH": "/opt/lib"})
    assert card is not None
    async with asyncio.timeout(5):
        (reading,) = await card.read()
    assert reading.temperature_celsius == 38
    assert seen.read_text() == "/opt/lib:/usr/lib/axcl\n"


def test_without_the_tool_there_is_no_card(tmp_path: Path) -> None:
    assert find_card({"PATH": str(tmp_path)}) is None


async def test_readings_within_some_seconds_ask_the_tool_once(
    tool: Tool, tmp_path: Path, environ: dict[str, str], one_card: str
) -> None:
    asked = tmp_path / "asked"
    clock = Clock()
    card = Card(tool(showing(one_card, asked)), environ, keep=5.0, clock=clock)
    assert runs(asked) == 0
    async with asyncio.timeout(5):
        together = await asyncio.gather(*(card.read() for _ in range(4)))
        assert (runs(asked), len({len(readings) for readings in together})) == (1, 1)
        clock.now += 4.9
        await card.read()
        assert runs(asked) == 1
        clock.now += 0.2
        await card.read()
        assert runs(asked) == 2


async def test_a_fresh_reading_asks_the_tool_again_unless_it_has_just_failed(
    tool: Tool, tmp_path: Path, environ: dict[str, str], one_card: str
) -> None:
    asked = tmp_path / "asked"
    card = Card(tool(showing(one_card, asked)), environ, keep=3600, clock=Clock())
    async with asyncio.timeout(5):
        await card.read()
        assert len(await card.read(fresh=True)) == 1
        assert runs(asked) == 2
        (tmp_path / "fails").mkdir()
        failing = Card(tool([f"echo run >>'{tmp_path}/fails/asked'", "exit 1"]), environ, clock=Clock())
        await failing.read(fresh=True)
        await failing.read(fresh=True)
        assert runs(tmp_path / "fails" / "asked") == 1


async def test_a_tool_that_hangs_is_killed_and_not_asked_again_soon(
    tool: Tool, tmp_path: Path, environ: dict[str, str], until: Until
) -> None:
    pids = tmp_path / "pids"
    script = tool(["trap '' TERM", "sleep 60 &", f"echo $$ $! >>'{pids}'", "wait", "wait"])
    clock = Clock()
    card = Card(script, environ, deadline=0.3, keep_failure=60.0, clock=clock)
    async with asyncio.timeout(5):
        with capture_logs() as logs:
            assert await card.read() == ()
            clock.now += 59
            assert await card.read() == ()
        (line,) = pids.read_text().splitlines()
        await until(lambda: not any(alive(int(pid)) for pid in line.split()))
    (event,) = logs
    assert event["event"] == "card_not_readable"
    assert "0.3 s" in event["reason"]


async def test_a_reader_that_goes_away_leaves_no_tool_behind(
    tool: Tool, tmp_path: Path, environ: dict[str, str], until: Until
) -> None:
    started = tmp_path / "started"
    os.mkfifo(started)
    card = Card(tool([f"echo $$ >'{started}'", "exec sleep 60"]), environ)
    async with asyncio.timeout(5):
        reader = asyncio.create_task(card.read())
        pid = int(await asyncio.to_thread(started.read_text))
        reader.cancel()
        await asyncio.wait((reader,))
        assert reader.cancelled()
        await until(lambda: not alive(pid))


async def test_a_failure_is_told_once_until_the_tool_worked_again(
    tool: Tool, tmp_path: Path, environ: dict[str, str], one_card: str
) -> None:
    clock = Clock()
    script = tool(["exit 3"])
    card = Card(script, environ, clock=clock)

    async def read_later() -> int:
        clock.now += 100
        return len(await card.read())

    async with asyncio.timeout(10):
        with capture_logs() as logs:
            assert [await read_later(), await read_later()] == [0, 0]
            assert [event["reason"] for event in logs] == ["it ended with exit code 3"]
            tool(showing(one_card, tmp_path / "asked"))
            assert await read_later() == 1
            script.unlink()
            assert [await read_later(), await read_later()] == [0, 0]
            assert len(logs) == 2
            assert "cannot be started" in logs[1]["reason"]
            tool(["echo something else"])
            assert await read_later() == 0
            assert len(logs) == 2


async def test_endless_output_is_not_kept(tool: Tool, environ: dict[str, str]) -> None:
    card = Card(tool(["exec yes '| x | y | z |'"]), environ, deadline=0.2)
    async with asyncio.timeout(5):
        assert await card.read() == ()


async def test_while_one_question_hangs_in_the_kernel_no_second_one_is_asked(
    tool: Tool, tmp_path: Path, environ: dict[str, str], one_card: str
) -> None:
    asked = tmp_path / "asked"
    clock = Clock()
    card = Card(tool(showing(one_card, asked)), environ, clock=clock)
    # A process that SIGKILL does not reach cannot be made here; its `exited` stays open, like this one.
    card._last_exit = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(5):
        with capture_logs() as logs:
            assert await card.read() == ()
        assert runs(asked) == 0
        assert "still hangs" in logs[0]["reason"]
        card._last_exit.set_result(0)
        clock.now += 100
        assert len(await card.read()) == 1


async def test_a_card_is_rebooted_by_its_number_and_a_tool_that_fails_is_told(
    tool: Tool, tmp_path: Path, environ: dict[str, str]
) -> None:
    seen = tmp_path / "seen"
    card = Card(tool([f'echo "$@" >>"{seen}"']), environ)
    async with asyncio.timeout(5):
        assert await card.reboot(1) is None
    assert seen.read_text() == "reboot -d 1\n"
    failing = Card(tool(["exit 3"]), environ)
    async with asyncio.timeout(5):
        assert await failing.reboot(0) == "it ended with exit code 3"
