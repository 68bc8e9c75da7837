"""The descriptor file changes while runtimes ask their tokenizers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from axm1_llm.descriptors import ModelDescriptor
from axm1_llm.errors import ModelNotFoundError, TokenizerError
from axm1_llm.tokenizer.prompts import Message, PromptSpec
from axm1_llm.tokenizer.roster import Roster
from axm1_llm.tokenizer.states import State
from axm1_llm.tokenizer.tickets import TicketBook
from axm1_llm.tokenizer.tokenizer import ModelTokenizer
from tokenizer.conftest import free_port

HI = PromptSpec(messages=(Message("user", "Hi"),))
Describe = Callable[..., ModelDescriptor]


class Clock:
    """Seconds, as a test sets them."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def roster_of(*models: ModelDescriptor) -> AsyncIterator[tuple[Roster, TicketBook]]:
    tickets = TicketBook()
    roster = Roster(models, tickets, lambda model: ModelTokenizer(model, tickets, "127.0.0.1", {}))
    try:
        yield roster, tickets
    finally:
        async with asyncio.timeout(5):
            await roster.aclose()
        assert all(tokenizer.machine.state is State.IDLE for tokenizer in roster)


async def answers(port: int | None) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


async def until(check: Callable[[], Any]) -> None:
    for _ in range(1000):
        if check():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come")


async def test_what_did_not_change_goes_on(describe: Describe, tiny: Path) -> None:
    model = describe(tokenizer_path=tiny)
    async with roster_of(model) as (roster, _):
        assert await roster.start("tiny", 5)
        before = roster.find("tiny")
        roster.apply([model.model_copy(update={"aliases": ("small",), "run_cmd": "./other.sh"})])
        assert roster.find("small") is before
        assert before.machine.state is State.READY
        assert await roster.start("tiny", 5, anew=True)
        assert roster.find("tiny") is before


async def test_a_changed_one_goes_on_until_a_new_runtime_is_about_to_start(
    describe: Describe, tiny: Path
) -> None:
    old = describe(tokenizer_path=tiny)
    new = old.model_copy(update={"tokenizer_port": free_port()})
    async with roster_of(old) as (roster, _):
        assert await roster.start("tiny", 5)
        ticket = await roster.find("tiny").dialogue().open_ticket(HI)
        roster.apply([new])
        assert roster.describe("tiny") is new
        assert await roster.start("tiny", 5)  # as who counts tokens does, or who could not open a ticket
        assert roster.holding("tiny").descriptor is old
        assert [each.descriptor for each in roster] == [old]
        assert await roster.find("tiny").dialogue().open_ticket(HI) != ticket
        assert (await answers(old.tokenizer_port), await answers(new.tokenizer_port)) == (True, False)
        assert await roster.start("tiny", 5, anew=True)
        assert roster.find("tiny").descriptor is new
        assert (await answers(old.tokenizer_port), await answers(new.tokenizer_port)) == (False, True)


async def test_a_changed_one_that_does_not_run_is_exchanged_at_once(describe: Describe, tiny: Path) -> None:
    old = describe(tokenizer_path=tiny)
    new = old.model_copy(update={"chat_template": "{{ messages }}"})
    async with roster_of(old) as (roster, _):
        roster.apply([new])
        assert await roster.start("tiny", 5)
        assert roster.find("tiny").descriptor is new


async def test_one_that_failed_gives_way_to_what_is_described_now(
    describe: Describe, tiny: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    old = describe(tokenizer_path=tmp_path / "empty")
    async with roster_of(old) as (roster, _):
        with pytest.raises(TokenizerError, match=r"tokenizer\.json"):
            await roster.start("tiny", 5)
        roster.apply([old.model_copy(update={"tokenizer_path": tiny})])
        assert await roster.start("tiny", 5)


async def test_a_file_that_says_again_what_it_said_before_changes_nothing(
    describe: Describe, tiny: Path
) -> None:
    model = describe(tokenizer_path=tiny)
    async with roster_of(model) as (roster, _):
        assert await roster.start("tiny", 5)
        before = roster.find("tiny")
        roster.apply([model.model_copy(update={"env": {"A": "b"}})])
        roster.apply([model])
        assert await roster.start("tiny", 5, anew=True)
        assert roster.find("tiny") is before
        assert before.machine.state is State.READY


async def test_a_removed_one_answers_its_runtime_until_the_tickets_are_closed(
    describe: Describe, tiny: Path
) -> None:
    model = describe(tokenizer_path=tiny)
    async with roster_of(model) as (roster, tickets):
        assert await roster.start("tiny", 5)
        tokenizer = roster.find("tiny")
        ticket = await tokenizer.dialogue().open_ticket(HI)
        roster.apply([])
        await asyncio.sleep(0)
        with pytest.raises(ModelNotFoundError):
            roster.find("tiny")
        assert list(roster) == []
        assert roster.holding("tiny") is tokenizer
        assert tokenizer.machine.state is State.READY
        assert tickets.close(ticket.line) is not None
        await until(lambda: tokenizer.machine.state is State.IDLE)
        assert not await answers(model.tokenizer_port)
        with pytest.raises(ModelNotFoundError):
            roster.holding("tiny")


async def test_one_of_a_model_that_has_its_tokenizer_inside_now_leaves(
    describe: Describe, tiny: Path
) -> None:
    model = describe(tokenizer_path=tiny)
    async with roster_of(model) as (roster, _):
        assert await roster.start("tiny", 5)
        tokenizer = roster.find("tiny")
        roster.apply([model.model_copy(update={"tokenizer": "none", "tokenizer_port": None})])
        await until(lambda: tokenizer.machine.state is State.IDLE)
        assert roster.find("tiny") is not tokenizer


async def test_one_that_comes_back_before_its_tickets_are_closed_stays(
    describe: Describe, tiny: Path
) -> None:
    model = describe(tokenizer_path=tiny)
    async with roster_of(model) as (roster, tickets):
        assert await roster.start("tiny", 5)
        before = roster.find("tiny")
        ticket = await before.dialogue().open_ticket(HI)
        roster.apply([])
        roster.apply([model])
        tickets.close(ticket.line)
        for _ in range(20):
            await asyncio.sleep(0)
        assert roster.find("tiny") is before
        assert before.machine.state is State.READY


@pytest.mark.parametrize("fate", ["removed", "changed"])
async def test_a_port_goes_to_another_model_once_the_prompt_there_is_answered(
    describe: Describe, tiny: Path, fate: str
) -> None:
    old = describe(tokenizer_path=tiny)
    heir = old.model_copy(update={"model_name": "heir"})
    moved = old.model_copy(update={"tokenizer_port": free_port()})
    async with roster_of(old) as (roster, tickets):
        assert await roster.start("tiny", 5)
        ticket = await roster.find("tiny").dialogue().open_ticket(HI)
        roster.apply([heir] if fate == "removed" else [moved, heir])
        assert not await roster.start("heir", 0.05, anew=True)
        starting = asyncio.create_task(roster.start("heir", 5, anew=True))
        await asyncio.sleep(0)
        tickets.close(ticket.line)
        assert await starting
        assert await answers(old.tokenizer_port)


async def test_a_ticket_that_nobody_asks_for_any_more_holds_nothing_up() -> None:
    clock = Clock()
    tickets = TicketBook(clock)
    ticket = tickets.open("tiny", [1, 2], resets=False)
    waiting = asyncio.create_task(tickets.all_closed("tiny"))
    await asyncio.sleep(0)
    assert not waiting.done()
    tickets.touch(ticket)
    clock.now = 599.0
    other = tickets.open("other", [1], resets=False)
    tickets.close(other.line)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    clock.now = 601.0
    tickets.close("wakes who waits")
    async with asyncio.timeout(5):
        await waiting


async def test_a_new_runtime_leaves_no_ticket_of_the_one_before(describe: Describe, tiny: Path) -> None:
    model = describe(tokenizer_path=tiny)
    other = describe(tokenizer_path=tiny, model_name="other", tokenizer_port=free_port())
    async with roster_of(model, other) as (roster, tickets):
        for name in ("tiny", "other"):
            assert await roster.start(name, 5, anew=True)
            await roster.find(name).dialogue().open_ticket(HI)
        assert await roster.start("tiny", 5)  # asked for at any time, such as for the next prompt
        assert len(tickets) == 2
        assert await roster.start("tiny", 5, anew=True)
        assert [ticket.model for ticket in tickets._tickets.values()] == ["other"]
