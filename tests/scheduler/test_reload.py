"""The descriptor file says something else while models load, answer and wait."""

from __future__ import annotations

import asyncio

import pytest

from axm1_llm.errors import ModelNotFoundError, RequestCancelledError, ShuttingDownError
from axm1_llm.scheduler.running import ModelRemovedError
from engine.conftest import collect, within
from engine.fakes import END, MARK, frames
from scheduler.conftest import FakeCard, MakeRig, Rig, calm

NEW = {"env": {"GENERATION": "2"}}
NEWER = {"env": {"GENERATION": "3"}}


async def _series(r: Rig, model: str) -> list[str]:
    text = (await r.metrics.exposition()).decode()
    return [line for line in text.splitlines() if f'model="{model}"' in line]


async def test_a_model_that_did_not_change_goes_on_with_its_runtime_and_its_queue(rig: MakeRig) -> None:
    async with rig("a", "b") as r:
        child = await r.load("a")
        in_hand, first, second = r.ask("a", "one"), r.ask("a", "two"), r.ask("a", "three")
        await child.prompt()
        engine = r.scheduler.find("a")
        r.reload("c", "a", b=NEW)
        assert r.scheduler.find("a") is engine
        assert [each.descriptor.model_name for each in r.scheduler.engines] == ["c", "a"]
        child.say(frames("one") + END + MARK)
        await r.answer(child, "two")
        await r.answer(child, "three")
        answers = [(await collect(each))[0] for each in (in_hand, first, second)]
        assert answers == ["one", "two", "three"]
        assert (r.loads("a"), r.started("a")) == (1, 0)


async def test_a_new_model_answers_and_has_its_series(rig: MakeRig) -> None:
    async with rig("a") as r:
        r.reload("a", "b")
        assert await _series(r, "b")
        answer = r.ask("b")
        await r.answer(await r.ready("b"))
        assert (await collect(answer))[0] == "yes"


async def test_a_changed_model_answers_the_prompt_in_hand_before_the_new_runtime_starts(rig: MakeRig) -> None:
    async with rig("a") as r:
        old = await r.load("a")
        in_hand, waiting = r.ask("a", "one"), r.ask("a", "two")
        await old.prompt()
        r.reload("a", a=NEW)
        after = r.ask("a", "three")
        await calm()
        assert (old.exited.done(), r.started("a")) == (False, 0)
        assert (r.state("a"), r.scheduler.find("a").queue_length) == ("idle", 2)
        old.say(frames("old") + END + MARK)
        new = await r.ready("a")
        assert old.farewell == b"q\n"
        assert new.env["GENERATION"] == "2"
        await r.answer(new, "first")
        await r.answer(new, "second")
        answers = [(await collect(each))[0] for each in (in_hand, waiting, after)]
        assert answers == ["old", "first", "second"]
        assert r.gone == []


async def test_a_prompt_that_a_leaving_runtime_gives_back_is_the_first_at_the_new_one(rig: MakeRig) -> None:
    async with rig("a") as r:
        old = await r.load("a")
        in_hand, waiting = r.ask("a", "one"), r.ask("a", "two")
        await old.prompt()
        r.reload("a", a=NEW)
        old.exit(139)  # before a token: it is tried again unseen
        new = await r.ready("a")
        await r.answer(new, "first")
        await r.answer(new, "second")
        assert [(await collect(each))[0] for each in (in_hand, waiting)] == ["first", "second"]


async def test_a_file_that_changes_twice_while_a_prompt_is_answered_counts_as_it_is_in_the_end(
    rig: MakeRig,
) -> None:
    async with rig("a") as r:
        old = await r.load("a")
        in_hand, waiting = r.ask("a", "one"), r.ask("a", "two")
        await old.prompt()
        r.reload("a", a=NEW)
        between = r.ask("a", "three")
        r.reload("a", a=NEWER)
        old.say(frames("old") + END + MARK)
        new = await r.ready("a")
        assert new.env["GENERATION"] == "3"
        await r.answer(new, "first")
        await r.answer(new, "second")
        assert [(await collect(each))[0] for each in (in_hand, waiting, between)] == [
            "old",
            "first",
            "second",
        ]
        assert r.started("a") == 0


async def test_a_model_that_changes_while_it_loads_is_loaded_anew_for_those_who_wait(rig: MakeRig) -> None:
    async with rig("a") as r:
        loading = asyncio.create_task(r.scheduler.load("a"))
        waiting = r.ask("a")
        old = await r.child("a")
        r.reload("a", a=NEW)
        new = await r.ready("a")
        assert old.exited.done()
        await r.answer(new)
        await within(loading)
        assert (await collect(waiting))[0] == "yes"


async def test_who_reads_the_log_of_a_changed_model_reads_on(rig: MakeRig) -> None:
    async with rig("a") as r:
        await r.load("a")
        log, seen = r.scheduler.find("a").log, r.scheduler.find("a").log.end
        r.reload("a", a=NEW)
        await r.ready("a")
        assert await within(log.since(seen)) != []
        assert r.scheduler.find("a").log is log


async def test_a_changed_model_that_was_loaded_is_loaded_again_and_an_idle_one_is_not(rig: MakeRig) -> None:
    async with rig("a", "b") as r:
        await r.load("a")
        r.reload("a", "b", a=NEW, b=NEW)
        await r.ready("a")
        await calm()
        assert (r.state("a"), r.state("b"), r.started("b")) == ("ready", "idle", 0)


async def test_a_client_that_leaves_the_queue_of_a_changed_model_causes_no_load(rig: MakeRig) -> None:
    async with rig("a") as r:
        waiting = r.ask("a")
        await r.child("a")
        r.reload("a", a=NEW)
        waiting.cancel()
        with pytest.raises(RequestCancelledError):
            await collect(waiting)
        await calm()
        assert (r.started("a"), r.state("a"), r.scheduler.find("a").queue_length) == (0, "idle", 0)
        await within(waiting.finished.wait())


async def test_a_client_that_leaves_while_the_new_runtime_answers_it_is_noticed_at_once(rig: MakeRig) -> None:
    async with rig("a") as r:
        waiting = r.ask("a")
        await r.child("a")
        r.reload("a", a=NEW)
        new = await r.ready("a")
        await new.prompt()
        waiting.cancel()
        await within(new.interrupts.get())
        new.say(MARK)
        await within(waiting.finished.wait())


async def test_what_was_learnt_of_a_model_that_is_gone_is_forgotten(rig: MakeRig) -> None:
    async with rig("a", "b", card=FakeCard()) as r:
        await r.load("a", 6000)
        await r.load("b", 5000)
        learnt = r.room._devices, r.room._ledger._needs, r.room._engines
        assert ["a" in each for each in learnt] == [True, True, True]
        r.reload("b", b=NEW)
        await r.child("b")
        # What the old build needed says nothing of the new one.
        assert [set(each) for each in learnt] == [set(), set(), {"b"}]


async def test_a_removed_model_answers_the_prompt_in_hand_and_refuses_the_others(rig: MakeRig) -> None:
    async with rig("a", "b") as r:
        child = await r.load("a")
        in_hand, waiting = r.ask("a", "one"), r.ask("a", "two")
        await child.prompt()
        r.reload("b")
        with pytest.raises(ModelRemovedError, match="model 'a' not found: it was taken out"):
            await collect(waiting)
        with pytest.raises(ModelNotFoundError):
            r.ask("a")
        assert (r.gone, child.exited.done()) == ([], False)
        child.say(frames("last") + END + MARK)
        assert (await collect(in_hand))[0] == "last"
        await calm()
        assert (r.gone, child.farewell) == (["a"], b"q\n")


async def test_a_removed_model_that_is_not_loaded_is_gone_at_once_with_who_waits_for_its_load(
    rig: MakeRig,
) -> None:
    async with rig("a", "b") as r:
        await r.load("b")
        loading = asyncio.create_task(r.scheduler.load("a"))
        await r.child("a")
        r.reload()
        with pytest.raises(ModelRemovedError):
            await within(loading)
        await calm()
        assert sorted(r.gone) == ["a", "b"]
        assert r.scheduler.engines == ()


async def test_a_prompt_that_a_removed_runtime_gives_back_fails_too(rig: MakeRig) -> None:
    async with rig("a") as r:
        child = await r.load("a")
        in_hand = r.ask("a")
        await child.prompt()
        r.reload()
        child.exit(139)
        with pytest.raises(ModelRemovedError):
            await collect(in_hand)
        await calm()
        assert r.gone == ["a"]


async def test_a_model_that_comes_back_while_it_leaves_starts_when_it_has_left(rig: MakeRig) -> None:
    async with rig("a") as r:
        old = await r.load("a")
        in_hand = r.ask("a", "one")
        await old.prompt()
        r.reload()
        r.reload("a")
        again = r.ask("a", "two")
        await calm()
        assert r.started("a") == 0
        old.say(frames("old") + END + MARK)
        await r.answer(await r.ready("a"), "new")
        assert [(await collect(each))[0] for each in (in_hand, again)] == ["old", "new"]
        assert r.gone == []
        assert await _series(r, "a")


async def test_a_model_that_is_to_run_from_now_on_is_loaded_and_the_service_stays_ready(rig: MakeRig) -> None:
    async with rig("a", "b", limit=3) as r:
        r.reload("a", "b", "c", b={"run_on_startup": True}, c={"run_on_startup": True})
        assert r.scheduler.starting == frozenset()
        await r.ready("b")
        await r.ready("c")
        await calm()
        assert [r.state(name) for name in "abc"] == ["idle", "ready", "ready"]


async def test_a_start_up_model_that_is_removed_is_not_waited_for_and_holds_up_no_other(rig: MakeRig) -> None:
    async with rig("a", "b", a={"run_on_startup": True}, b={"run_on_startup": True}) as r:
        await r.child("a")
        assert r.scheduler.starting == {"a", "b"}
        r.reload("b", b={"run_on_startup": True})
        assert r.scheduler.starting == {"b"}
        await r.ready("b")
        await calm()
        assert (r.scheduler.starting, r.state("b")) == (frozenset(), "ready")


async def test_a_new_keep_alive_holds_at_once_without_a_new_runtime(rig: MakeRig) -> None:
    async with rig("a") as r:
        child = await r.load("a")
        r.reload("a", a={"keep_alive": "1h"})
        await r.clock.jump(3000)
        assert r.state("a") == "ready"
        r.reload("a", a={"keep_alive": "10m"})
        await calm()
        assert (r.state("a"), child.farewell, r.loads("a")) == ("idle", b"q\n", 1)


async def test_what_a_request_said_of_the_keep_alive_outlasts_a_new_setting(rig: MakeRig) -> None:
    async with rig("a") as r:
        await r.load("a", keep_alive=3600.0)
        r.reload("a", a={"keep_alive": "1m"})
        await r.clock.jump(3000)
        assert r.state("a") == "ready"


async def test_cards_that_a_model_has_no_more_are_free_for_others(rig: MakeRig) -> None:
    async with rig("a", "b", a={"devices": (0,)}, b={"devices": (0,)}) as r:
        await r.load("a")
        r.reload("a", "b", a={"devices": (1,)}, b={"devices": (0,)})
        await r.ready("a")
        await r.load("b")
        assert (r.state("a"), r.state("b")) == ("ready", "ready")


async def test_a_service_that_leaves_in_the_middle_of_a_change_leaves_nobody_waiting(rig: MakeRig) -> None:
    async with rig("a", "b", limit=2) as r:
        children = [await r.load("a"), await r.load("b")]
        asked = [r.ask("a", "one"), r.ask("a", "two"), r.ask("b", "three")]
        for child in children:
            await child.prompt()
        r.reload("a", a=NEW)
        later = r.ask("a", "four")
        closing = asyncio.create_task(r.scheduler.close())
        await calm()
        for child in children:
            child.say(MARK)
        await within(closing)
        for each in (*asked, later):
            with pytest.raises(ShuttingDownError):
                await collect(each)
        assert all(child.exited.done() for child in children)
        engines = r.scheduler.engines
        r.reload("a", "b", "c", a=NEWER, c={"run_on_startup": True})  # nothing starts any more
        assert r.scheduler.engines == engines
        await calm()
        assert [r.started(name) for name in "ab"] == [0, 0]
