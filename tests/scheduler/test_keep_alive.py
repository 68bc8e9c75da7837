"""How long a model stays when nothing follows: set for the service, for the model, for a request."""

from __future__ import annotations

import asyncio
import math

import pytest

from axm1_llm.errors import QueueFullError
from engine.conftest import collect, within
from scheduler.conftest import MakeRig, calm


@pytest.mark.parametrize(("keys", "seconds"), [({}, 300), ({"keep_alive": "1m"}, 60), ({"keep_alive": 7}, 7)])
async def test_a_model_leaves_after_the_time_that_is_set_for_it(
    rig: MakeRig, keys: dict[str, object], seconds: float
) -> None:
    async with rig("a", a=keys) as r:
        await r.load("a")
        await r.clock.jump(seconds - 1)
        assert r.state("a") == "ready"
        await r.clock.jump(2)
        assert r.state("a") == "idle"


@pytest.mark.parametrize("keys", [{"keep_alive": -1}, {"run_on_startup": True}])
async def test_a_model_stays_for_ever_when_that_is_wanted(rig: MakeRig, keys: dict[str, object]) -> None:
    async with rig("a", a=keys) as r:
        await r.load("a")
        await r.clock.jump(1e6)
        assert r.state("a") == "ready"
        assert r.scheduler.find("a").status().expires_at == math.inf


async def test_the_time_counts_from_the_end_of_the_last_request(rig: MakeRig) -> None:
    async with rig("a") as r:
        child = await r.load("a")
        await r.clock.jump(299)
        asked = r.ask("a")
        await r.clock.jump(1000)
        await r.answer(child)
        await collect(asked)
        await r.clock.jump(299)
        assert r.state("a") == "ready"
        await r.clock.jump(2)
        assert r.state("a") == "idle"


async def test_a_request_says_how_long_the_model_stays_after_it(rig: MakeRig) -> None:
    async with rig("a", a={"keep_alive": -1}) as r:
        child = await r.load("a")
        asked = r.ask("a", keep_alive=10)
        await r.answer(child)
        await collect(asked)
        await r.clock.jump(11)
        assert r.state("a") == "idle"


async def test_zero_unloads_right_after_the_answer_but_not_before_those_that_wait(rig: MakeRig) -> None:
    async with rig("a") as r:
        child = await r.load("a")
        first, second = r.ask("a", keep_alive=0), r.ask("a", keep_alive=0)
        await r.answer(child, "1")
        await r.answer(child, "2")
        assert [(await collect(each))[0] for each in (first, second)] == ["1", "2"]
        await calm()
        assert (r.state("a"), r.loads("a")) == ("idle", 1)


@pytest.mark.parametrize(("keep_alive", "later", "state"), [(10, 11, "idle"), (math.inf, 1e6, "ready")])
async def test_an_empty_prompt_changes_how_long_a_loaded_model_stays(
    rig: MakeRig, keep_alive: float, later: float, state: str
) -> None:
    async with rig("a") as r:
        await r.load("a")
        await within(r.scheduler.load("a", keep_alive))
        await r.clock.jump(later)
        assert (r.state("a"), r.loads("a")) == (state, 1)


async def test_what_a_request_said_holds_for_those_after_it_that_say_nothing(rig: MakeRig) -> None:
    async with rig("a", a={"keep_alive": 10}) as r:
        child = await r.load("a", keep_alive=1000.0)
        asked = r.ask("a")
        await r.answer(child)
        await collect(asked)
        await r.clock.jump(999)
        assert r.state("a") == "ready"
        await r.clock.jump(2)
        assert r.state("a") == "idle"
        await r.load("a")
        await r.clock.jump(11)
        assert r.state("a") == "idle"


async def test_an_empty_prompt_that_loads_a_model_says_how_long_it_stays(rig: MakeRig) -> None:
    async with rig("a") as r:
        await r.load("a", keep_alive=1000.0)
        await r.clock.jump(999)
        assert r.state("a") == "ready"
        await r.clock.jump(2)
        assert r.state("a") == "idle"


async def test_unloading_waits_until_the_runtime_is_gone(rig: MakeRig) -> None:
    async with rig("a") as r:
        child = await r.load("a")
        await within(r.scheduler.unload("a"))
        assert (child.exited.done(), r.state("a")) == (True, "idle")


async def test_too_many_requests_are_counted_over_all_models(rig: MakeRig) -> None:
    async with rig("a", "b", max_queue=2, limit=1) as r:
        loading = asyncio.create_task(r.scheduler.load("a"))
        asked = [r.ask("a"), r.ask("b")]
        for name in "ab":
            with pytest.raises(QueueFullError):
                r.ask(name)
        asked[0].cancel()
        asked[1].cancel()
        await calm()
        r.ask("b").cancel()
        await r.ready("a")
        await within(loading)
