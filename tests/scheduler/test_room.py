"""Several models on one card: who may load, who leaves, and who is told that there is no room."""

from __future__ import annotations

import asyncio

import pytest

from axm1_llm.errors import CardFullError, LoadError, RequestCancelledError, ShuttingDownError
from engine.conftest import collect, within
from engine.fakes import END, MARK
from scheduler.conftest import FakeCard, MakeRig, calm, start_up

PLENTY, LITTLE = 6433, 1500
FAILS = b"\x1b[1;30;31m[E][                            Init][ 174]: init axmodel(l2.axmodel) failed\x1b[0m\n"


async def test_two_models_for_which_the_runtime_left_enough_are_both_loaded(rig: MakeRig) -> None:
    async with rig("a", "b") as r:
        await r.load("a", PLENTY)
        await r.load("b", PLENTY)
        assert (r.state("a"), r.state("b")) == ("ready", "ready")
        assert "waiting_for_card" not in r.path("b")


async def test_a_model_that_does_not_fit_waits_until_the_idle_one_has_left(rig: MakeRig) -> None:
    async with rig("a", "b") as r:
        first = await r.load("a", LITTLE)
        await r.clock.jump(5)
        wanted = r.ask("b")
        child = await r.ready("b", LITTLE)
        assert first.farewell == b"q\n"
        assert r.path("b")[:2] == ["waiting_for_card", "waiting_for_tokenizer"]
        await r.answer(child)
        assert (await collect(wanted))[0] == "yes"
        assert (r.state("a"), await r.evictions("a"), await r.evictions("b")) == ("idle", 1, 0)


async def test_where_nothing_is_known_it_is_one_model_at_a_time(rig: MakeRig) -> None:
    async with rig("a", "b") as r:
        await r.load("a")
        await r.clock.jump(5)
        await r.load("b")
        assert (r.state("a"), r.state("b")) == ("idle", "ready")


async def test_the_limit_of_the_owner_holds_even_where_more_would_fit(rig: MakeRig) -> None:
    async with rig("a", "b", "c", limit=2) as r:
        await r.load("a", PLENTY)
        await r.load("b", PLENTY)
        await r.clock.jump(5)
        await r.load("c", PLENTY)
        assert [r.state(name) for name in "abc"] == ["idle", "ready", "ready"]


async def test_the_one_that_was_used_least_recently_leaves(rig: MakeRig) -> None:
    async with rig("a", "b", "c", limit=2) as r:
        first = await r.load("a", PLENTY)
        await r.load("b", PLENTY)
        used = r.ask("a")
        await r.answer(first)
        await collect(used)
        await r.clock.jump(5)
        await r.load("c", PLENTY)
        assert [r.state(name) for name in "abc"] == ["ready", "idle", "ready"]


async def test_a_prompt_in_hand_is_answered_before_its_model_leaves(rig: MakeRig) -> None:
    async with rig("a", "b", limit=1) as r:
        child = await r.load("a")
        answer = r.ask("a")
        await child.prompt()
        wanted = r.ask("b")
        await r.clock.jump(3600)
        assert (r.state("a"), r.started("b")) == ("processing_prompt", 0)
        child.lines.put_nowait(b"")
        await r.answer(child, "in peace")
        assert (await collect(answer))[0] == "in peace"
        await r.answer(await r.ready("b"))
        await collect(wanted)


async def test_prompts_for_two_models_in_turn_need_one_load_of_each(rig: MakeRig) -> None:
    async with rig("a", "b", limit=1) as r:
        asked = [r.ask("ab"[number % 2], str(number)) for number in range(8)]
        for name in "ab":
            child = await r.ready(name)
            for _ in range(4):
                await r.answer(child, name)
            await r.clock.jump(5)
        assert [(await collect(each))[0] for each in asked] == list("abababab")
        assert (r.loads("a"), r.loads("b")) == (1, 1)


async def test_a_model_that_is_asked_without_a_pause_leaves_when_its_turn_is_over(rig: MakeRig) -> None:
    async with rig("a", "b", limit=1) as r:
        first = await r.load("a")
        asked = [r.ask("a")]
        other = r.ask("b")
        await r.clock.jump(1)
        asked += [r.ask("a") for _ in range(3)]
        await r.answer(first)
        await r.answer(first)
        assert r.state("a") == "processing_prompt"  # its turn lasts
        await r.clock.jump(30)
        await r.answer(first)
        child = await r.ready("b")
        assert r.state("a") == "waiting_for_card"
        await r.answer(child, "at last")
        assert (await collect(other))[0] == "at last"
        await r.clock.jump(5)
        await r.answer(await r.ready("a"))
        assert [(await collect(each))[0] for each in asked] == ["yes"] * 4
        assert (r.loads("a"), r.loads("b")) == (2, 1)


async def test_a_client_that_leaves_the_queue_causes_no_load_and_drives_nobody_out(rig: MakeRig) -> None:
    async with rig("a", "b", limit=1) as r:
        child = await r.load("a")
        answer = r.ask("a")
        await child.prompt()
        wanted = r.ask("b")
        await calm()
        assert r.state("b") == "waiting_for_card"
        wanted.cancel()
        await calm()
        assert r.state("b") == "idle"
        child.lines.put_nowait(b"")
        await r.answer(child)
        await collect(answer)
        await r.clock.jump(60)
        assert (r.state("a"), r.started("b"), r.loads("b")) == ("ready", 0, 0)
        with pytest.raises(RequestCancelledError):
            await collect(wanted)


async def test_a_model_that_was_to_leave_stays_when_who_waited_for_it_is_gone(rig: MakeRig) -> None:
    async with rig("a", "b", limit=1) as r:
        child = await r.load("a")
        answer = r.ask("a")
        await child.prompt()
        wanted = r.ask("b")
        await r.clock.jump(60)  # the turn is over: it would leave after this prompt
        wanted.cancel()
        await calm()
        child.lines.put_nowait(b"")
        await r.answer(child)
        await collect(answer)
        assert (r.state("a"), await r.evictions("a"), r.loads("a")) == ("ready", 0, 1)


async def test_a_caller_that_no_longer_waits_for_a_load_causes_none(rig: MakeRig) -> None:
    async with rig("a", "b", limit=1) as r:
        child = await r.load("a")
        answer = r.ask("a")
        await child.prompt()
        loading = asyncio.create_task(r.scheduler.load("b"))
        await calm()
        assert r.state("b") == "waiting_for_card"
        loading.cancel()
        await asyncio.wait((loading,), timeout=5)
        await calm()
        assert r.state("b") == "idle"
        child.lines.put_nowait(b"")
        await r.answer(child)
        await collect(answer)
        await r.clock.jump(60)
        assert (r.state("a"), r.started("b")) == ("ready", 0)


async def test_a_load_that_many_wait_for_happens_once(rig: MakeRig) -> None:
    async with rig("a", "b", limit=1) as r:
        await r.load("a")
        await r.clock.jump(5)
        loads = [asyncio.create_task(r.scheduler.load("b")) for _ in range(3)]
        asked = [r.ask("b", str(number)) for number in range(5)]
        child = await r.ready("b")
        for number in range(5):
            await r.answer(child, str(number))
        assert [(await collect(each))[0] for each in asked] == list("01234")
        await within(asyncio.gather(*loads))
        assert (r.loads("b"), r.started("b")) == (1, 0)


@pytest.mark.parametrize("forever", ["descriptor", "startup"])
async def test_who_finds_only_pinned_models_is_told_at_once(rig: MakeRig, forever: str) -> None:
    keys = {"descriptor": {"keep_alive": -1}, "startup": {"run_on_startup": True}}[forever]
    async with rig("a", "b", a=keys) as r:
        if forever == "startup":
            await r.ready("a", LITTLE)
        else:
            await r.load("a", LITTLE)
        with pytest.raises(CardFullError, match="'b' cannot be loaded: the card is full, and 'a' stays"):
            await collect(r.ask("b"))
        with pytest.raises(CardFullError):
            await within(r.scheduler.load("b"))
        assert (r.state("a"), r.state("b"), r.started("b")) == ("ready", "idle", 0)


async def test_a_request_cannot_keep_a_model_from_making_room(rig: MakeRig) -> None:
    async with rig("a", "b", limit=1) as r:
        await r.load("a", LITTLE, keep_alive=float("inf"))
        await r.clock.jump(5)
        await r.load("b")
        assert (r.state("a"), r.state("b")) == ("idle", "ready")


async def test_the_limit_is_named_when_it_is_the_reason(rig: MakeRig) -> None:
    async with rig("a", "b", limit=1, a={"keep_alive": -1}) as r:
        await r.load("a", PLENTY)
        with pytest.raises(CardFullError, match="at most 1 may be loaded at once"):
            await collect(r.ask("b"))


async def test_a_model_that_is_no_longer_to_stay_for_ever_makes_room(rig: MakeRig) -> None:
    async with rig("a", "b", limit=1, a={"keep_alive": -1}) as r:
        await r.load("a")
        await within(r.scheduler.load("a", keep_alive=60.0))
        await r.clock.jump(5)
        await r.load("b")
        assert (r.state("a"), r.state("b")) == ("idle", "ready")


async def test_models_that_run_from_start_up_on_and_do_not_fit_are_no_hindrance(rig: MakeRig) -> None:
    always = {"run_on_startup": True}
    async with rig("a", "b", "c", a=always, b=always, c=always) as r:
        assert r.scheduler.starting == {"a", "b", "c"}
        await r.ready("a", PLENTY)
        await r.ready("b", LITTLE)
        assert [r.state(name) for name in "abc"] == ["ready", "ready", "idle"]
        assert r.scheduler.starting == set()


async def test_a_load_that_failed_for_want_of_memory_is_tried_again_without_the_others(rig: MakeRig) -> None:
    async with rig("a", "b") as r:
        first = await r.load("a", PLENTY)
        await r.clock.jump(5)
        wanted = r.ask("b")
        failing = await r.child("b")
        failing.say(FAILS)
        failing.exit(255)
        child = await r.ready("b", LITTLE)
        assert first.farewell == b"q\n"
        await r.answer(child)
        assert (await collect(wanted))[0] == "yes"
        assert (r.state("a"), await r.evictions("a")) == ("idle", 1)


async def test_what_was_too_little_is_remembered(rig: MakeRig) -> None:
    async with rig("a", "b") as r:
        await r.load("a", PLENTY)
        await r.clock.jump(5)
        loading = asyncio.create_task(r.scheduler.load("b"))
        failing = await r.child("b")
        failing.say(FAILS)
        failing.exit(255)
        second = await r.child("b")
        second.say(FAILS)
        second.exit(255)
        with pytest.raises(LoadError, match="axmodel"):
            await within(loading)
        assert r.started("b") == 0  # it failed alone, and is told so once


async def test_a_model_that_fails_without_others_drives_nobody_out_a_second_time(rig: MakeRig) -> None:
    async with rig("a", "b") as r:
        for attempts in (2, 1):
            await r.load("a", PLENTY)
            await r.clock.jump(5)
            loading = asyncio.create_task(r.scheduler.load("b"))
            for _ in range(attempts):
                failing = await r.child("b")
                failing.say(FAILS)
                failing.exit(255)
            with pytest.raises(LoadError, match="axmodel"):
                await within(loading)
            assert r.state("a") == ("idle" if attempts == 2 else "ready")


async def test_a_load_that_failed_for_another_reason_drives_nobody_out(rig: MakeRig) -> None:
    async with rig("a", "b") as r:
        await r.load("a", PLENTY)
        await r.clock.jump(5)
        loading = asyncio.create_task(r.scheduler.load("b"))
        failing = await r.child("b")
        failing.say(FAILS.replace(b"init axmodel(l2.axmodel) failed", b"Set AXCL device failed"))
        failing.exit(255)
        with pytest.raises(LoadError, match="device failed"):
            await within(loading)
        assert (r.state("a"), r.started("b")) == ("ready", 0)


async def test_the_card_is_asked_before_a_model_comes_beside_another(rig: MakeRig) -> None:
    card = FakeCard()
    async with rig("a", "b", "c", card=card) as r:
        await r.load("a", LITTLE)
        assert card.asked == 0  # an empty card needs no question
        await r.clock.jump(5)
        card.used = 500
        large = await r.load("b", 4540)
        large.exited.add_done_callback(lambda _: setattr(card, "used", 500))
        assert (card.asked, r.state("a")) == (1, "ready")
        card.used = 2500
        await r.clock.jump(60)
        await r.load("c", LITTLE)
        # To take the place of one it is too large, and of the two only the larger one makes enough room.
        assert [r.state(name) for name in "abc"] == ["ready", "idle", "ready"]


async def test_a_load_that_hangs_does_not_keep_one_out_that_fits_beside_it(rig: MakeRig) -> None:
    weights = {"weights_mb": 2000}
    async with rig("a", "b", "c", card=FakeCard(), a=weights, b=weights, c=weights) as r:
        hanging = asyncio.create_task(r.scheduler.load("a"))
        child = await r.child("a")
        await r.load("b", LITTLE)
        third = asyncio.create_task(r.scheduler.load("c"))
        await calm()
        assert [r.state(name) for name in "abc"] == ["starting", "ready", "waiting_for_card"]
        child.say(start_up(PLENTY))
        await within(hanging)
        await r.ready("c", PLENTY)
        await within(third)


async def test_what_two_models_took_at_the_same_time_is_no_measure_of_either(rig: MakeRig) -> None:
    weights = {"weights_mb": 2000}
    async with rig("a", "b", "c", b=weights, c=weights) as r:
        await r.load("a", 6000)
        loads = [asyncio.create_task(r.scheduler.load(name)) for name in "bc"]
        await r.ready("c", 3000)
        await r.ready("b", 1500)
        await within(asyncio.gather(*loads))
        # Nothing shows it from outside before one of them has to leave.
        assert (r.room._ledger.held("b"), r.room._ledger.held("c")) == ({}, {})


async def test_models_answer_while_the_card_does_not(rig: MakeRig) -> None:
    card = FakeCard()
    async with rig("a", "b", card=card) as r:
        child = await r.load("a", LITTLE)
        card.answers.clear()
        wanted = r.ask("b")
        asked = r.ask("a")
        await r.answer(child)
        assert (await collect(asked))[0] == "yes"
        assert (card.asked, r.state("b")) == (1, "waiting_for_card")
        card.answers.set()
        await r.answer(await r.ready("b"))
        await collect(wanted)


async def test_leaving_the_service_ends_what_waits_and_what_asks_the_card(rig: MakeRig) -> None:
    card = FakeCard()
    async with rig("a", "b", card=card) as r:
        await r.load("a", LITTLE)
        card.answers.clear()
        wanted = r.ask("b")
        await calm()
        await within(r.scheduler.close())
        with pytest.raises(ShuttingDownError):
            await collect(wanted)
        assert (r.loads("b"), r.state("b")) == (0, "idle")


async def test_the_queue_shows_how_long_each_prompt_waits(rig: MakeRig) -> None:
    async with rig("a") as r:
        child = await r.load("a")
        asked = [r.ask("a")]
        await child.prompt()
        for _ in range(2):
            asked.append(r.ask("a"))
            await r.clock.jump(10)
        waiting = r.scheduler.find("a").status().queue
        assert [round(each.seconds) for each in waiting] == [20, 10]
        asked[1].cancel()
        assert len(r.scheduler.find("a").status().queue) == 1
        child.lines.put_nowait(b"")
        await r.answer(child)
        await r.answer(child)


async def test_a_model_that_left_by_itself_is_no_eviction(rig: MakeRig) -> None:
    async with rig("a", "b", limit=1) as r:
        await r.load("a")
        await r.clock.jump(301)
        assert (r.state("a"), await r.evictions("a")) == ("idle", 0)
        await r.load("b")
        await within(r.scheduler.unload("b"))
        assert (r.state("b"), await r.evictions("b")) == ("idle", 0)


async def test_a_model_that_loads_is_not_driven_out(rig: MakeRig) -> None:
    async with rig("a", "b", limit=1) as r:
        loading = asyncio.create_task(r.scheduler.load("a"))
        child = await r.child("a")
        wanted = r.ask("b")
        await r.clock.jump(600)
        assert (r.started("b"), child.farewell) == (0, None)
        child.say(start_up(None))
        await within(loading)
        await r.clock.jump(60)
        await r.answer(await r.ready("b"))
        await collect(wanted)


async def test_news_cost_nothing_while_nobody_waits(rig: MakeRig) -> None:
    async with rig("a", "b", limit=1) as r:
        child = await r.load("a")
        asked = r.ask("a")
        await child.prompt()
        wanted = r.ask("b")
        await calm()
        wanted.cancel()
        await calm()
        r.room.changed()
        # Nothing shows it from outside but the time that it takes.
        assert r.room._looking is None
        child.say(END + MARK)
        assert r.room._looking is None
        await collect(asked)
