"""A card that is stuck: who is told, and what is done when its owner allows a reset."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from axm1_llm.errors import LoadError
from engine.conftest import within
from scheduler.conftest import FakeCard, MakeRig, Rig, calm, start_up

UNOPENED = b"[E][     Init][ 1]: axcl_Init(0) failed\n"


async def _fail(r: Rig, name: str, times: int) -> None:
    for _ in range(times):
        child = await r.child(name)
        child.say(UNOPENED)
        child.exit(255)
        await calm()


async def _figure(r: Rig, name: str) -> float:
    text = (await r.metrics.exposition()).decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name}{{"))


async def _failed_load(r: Rig, times: int = 1) -> LoadError:
    """What a load ended with whose runtime failed so often."""
    loading = asyncio.create_task(r.scheduler.load("a"))
    await _fail(r, "a", times)
    with pytest.raises(LoadError) as error:
        await within(loading)
    return error.value


async def test_a_stuck_card_is_said_with_the_command_that_mends_it_and_left_alone(rig: MakeRig) -> None:
    card = FakeCard()
    async with rig("a", card=card) as r:
        with capture_logs() as lines:
            error = [await _failed_load(r) for _ in range(3)][-1]
        assert "card 0 seems to be stuck; reset it: axcl-smi reboot -d 0" in str(error)
        (said,) = [line for line in lines if line["event"] == "card_needs_reset"]
        assert (said["device"], said["run"]) == (0, "axcl-smi reboot -d 0")
        assert "axcl_Init(0) failed" in r.scheduler.stuck_cards[0]
        assert await _figure(r, "axm1_llm_card_needs_reset") == 1
        assert card.reboots == []
        await r.load("a")
        assert r.scheduler.stuck_cards == {}
        assert await _figure(r, "axm1_llm_card_needs_reset") == 0


async def test_a_reset_that_is_allowed_saves_the_prompt_that_found_the_card_stuck(rig: MakeRig) -> None:
    card = FakeCard()
    async with rig("a", "b", card=card, resets=True, limit=2) as r:
        await r.load("b")
        for _ in range(2):
            await _failed_load(r)
        loading = asyncio.create_task(r.scheduler.load("a"))
        await _fail(r, "a", 1)
        child = await r.ready("a")
        await within(loading)
        assert not child.exited.done()
        assert card.reboots == [0]
        assert r.state("b") == "idle"  # it left before the reset
        assert r.scheduler.stuck_cards == {}
        assert await _figure(r, "axm1_llm_card_resets_total") == 1


async def test_nothing_is_loaded_onto_a_card_that_is_being_reset(rig: MakeRig) -> None:
    card = FakeCard()
    async with rig("a", "b", card=card, resets=True, limit=2) as r:
        for _ in range(2):
            await _failed_load(r)
        card.answers.clear()  # the card does not come back until the test says so
        loading = asyncio.create_task(r.scheduler.load("a"))
        await _fail(r, "a", 1)
        other = asyncio.create_task(r.scheduler.load("b"))
        await calm()
        assert (r.state("b"), r.started("b")) == ("waiting_for_card", 0)
        card.answers.set()
        (await r.child("b")).say(start_up(None))
        (await r.child("a")).say(start_up(None))
        await within(asyncio.gather(loading, other))


async def test_a_card_that_a_reset_does_not_help_is_not_reset_again_at_once(rig: MakeRig) -> None:
    card = FakeCard()
    async with rig("a", card=card, resets=True) as r:
        for _ in range(2):
            await _failed_load(r)
        await _failed_load(r, times=2)  # the second one after the reset
        for _ in range(3):
            await _failed_load(r)
        assert card.reboots == [0]
        assert 0 in r.scheduler.stuck_cards


async def test_a_reset_that_fails_is_said_and_the_card_is_used_as_it_is(rig: MakeRig) -> None:
    card = FakeCard()
    card.reboot_problem = "it ended with exit code 1"
    async with rig("a", card=card, resets=True) as r:
        for _ in range(2):
            await _failed_load(r)
        with capture_logs() as lines:
            error = await _failed_load(r, times=2)
        assert "reset it: axcl-smi reboot -d 0" in str(error)
        assert [line["reason"] for line in lines if line["event"] == "card_not_reset"] == [
            "it ended with exit code 1"
        ]
        assert 0 in r.scheduler.stuck_cards
