"""A runtime that fails: whose prompt is tried again unseen, who is told, and which model comes back."""

from __future__ import annotations

import asyncio

import pytest
from structlog.contextvars import bound_contextvars
from structlog.testing import capture_logs

from axm1_llm.engine import Deadlines
from axm1_llm.engine.generation import DoneReason
from axm1_llm.errors import BrokenAnswerError, LoadError, RuntimeDiedError, RuntimeStalledError
from engine.conftest import Bench, MakeBench, ask, collect, within
from engine.fakes import END, MARK, FakeChild, frames


async def _next(b: Bench) -> FakeChild:
    child = await b.spawn.child()
    child.start_up()
    return child


def _end(child: FakeChild, ending: str) -> None:
    """A crash; or nothing at all, and the runtime is ended after 0.2 s of it."""
    if ending == "crash":
        child.exit(139)


@pytest.mark.parametrize("ending", ["crash", "silence"])
async def test_a_prompt_of_which_nothing_was_seen_is_answered_by_the_next_runtime(
    bench: MakeBench, ending: str
) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generation, following = b.engine.submit(ask()), b.engine.submit(ask())
        await child.prompt()
        _end(child, ending)
        successor = await _next(b)
        assert await successor.prompt() == b"ticket-2\n"
        successor.say(frames("first") + END + MARK)
        assert (await collect(generation))[0] == "first"
        await successor.prompt()
        successor.say(frames("second") + END + MARK)
        assert (await collect(following))[0] == "second"
        assert b.path()[4:9] == [
            "processing_prompt", "failed", "waiting_for_tokenizer", "starting", "initializing",
        ]  # fmt: skip
        assert [sample.outcome for sample in b.metrics.samples] == ["stop", "stop"]


@pytest.mark.parametrize(("ending", "error"), [("crash", RuntimeDiedError), ("silence", RuntimeStalledError)])
async def test_a_prompt_that_two_runtimes_fail_at_is_given_up_and_the_next_one_is_answered(
    bench: MakeBench, ending: str, error: type[Exception]
) -> None:
    async with bench() as b:
        first = await b.ready_child()
        generation, following = b.engine.submit(ask()), b.engine.submit(ask())
        await first.prompt()
        _end(first, ending)
        second = await _next(b)
        await second.prompt()
        _end(second, ending)
        with pytest.raises(error):
            await collect(generation)
        successor = await _next(b)
        await successor.prompt()
        successor.say(frames("ok") + END + MARK)
        assert (await collect(following))[0] == "ok"
        assert [sample.outcome for sample in b.metrics.samples] == ["failed", "stop"]


@pytest.mark.parametrize("ending", ["crash", "silence"])
async def test_an_answer_whose_end_line_came_is_whole_though_the_runtime_is_of_no_more_use(
    bench: MakeBench, ending: str
) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generation, following = b.engine.submit(ask()), b.engine.submit(ask())
        await child.prompt()
        child.say(frames("all", " of it") + END)
        _end(child, ending)
        text, summary = await collect(generation)
        assert (text, summary.done_reason) == ("all of it", DoneReason.STOP)
        successor = await _next(b)
        await successor.prompt()
        successor.say(frames("ok") + END + MARK)
        assert (await collect(following))[0] == "ok"
        assert b.tokenizer.closed[0] == ("ticket-1", 2, None)
        assert [sample.outcome for sample in b.metrics.samples] == ["stop", "stop"]


async def test_a_caller_that_left_meanwhile_causes_no_second_try(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask())
        await child.prompt()
        generation.cancel()
        child.exit(139)
        await within(generation.finished.wait())
        await b.until(lambda: b.path().count("failed") == 1)
        assert b.engine.queue_length == 0
        assert [sample.outcome for sample in b.metrics.samples] == ["cancelled"]


async def test_a_service_that_leaves_tries_nothing_again(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask())
        await child.prompt()
        closing = asyncio.create_task(b.engine.close(b.task))
        child.exit(139)
        await within(closing)
        await within(generation.finished.wait())
        assert generation.done


async def test_a_model_that_dies_idle_comes_back_for_the_rest_of_its_stay(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        await within(b.engine.load(keep_alive=60))
        before = b.engine.status().expires_at
        child.exit(-9)
        await _next(b)
        await b.until(lambda: b.path().count("ready") == 2)
        assert b.path()[-5:] == ["failed", "waiting_for_tokenizer", "starting", "initializing", "ready"]
        assert b.engine.status().expires_at == pytest.approx(before, abs=1)


@pytest.mark.parametrize("on_startup", [True, False])
async def test_a_model_that_is_unloaded_after_it_died_does_not_come_back(
    bench: MakeBench, *, on_startup: bool
) -> None:
    pause = 0.5
    deadlines = Deadlines(backoff=pause, backoff_limit=pause)
    async with bench(deadlines, jitter=lambda: 1, run_on_startup=on_startup) as b:
        child = await b.ready_child()
        await within(b.engine.load(keep_alive=60))
        child.exit(-9)
        await b.until(lambda: b.path()[-1] == "failed")
        await within(b.engine.unload(), pause / 2)
        with pytest.raises(TimeoutError):
            await within(b.spawn.child(), pause + 0.2)
        status = b.engine.status()
        assert (b.path()[-1], status.failure and status.failure.reason) == (
            "idle",
            "the runtime exited with code -9 (SIGKILL)",
        )
        await b.ready_child()  # and a request brings it back


async def test_a_model_that_dies_just_when_it_is_unloaded_does_not_come_back(bench: MakeBench) -> None:
    async with bench(run_on_startup=True) as b:
        child = await b.ready_child()
        unloading = asyncio.create_task(b.engine.unload())
        child.exit(-9)
        await within(unloading)
        await b.until_calm()
        assert b.path()[-1] == "idle"


async def test_a_model_that_dies_while_it_leaves_stays_down(bench: MakeBench) -> None:
    async with bench() as b:
        await b.ready_child()
        await within(b.engine.unload())
        assert b.engine.status().state == "idle"
        await b.until_calm()
        assert b.path()[-1] == "idle"


async def test_a_model_that_dies_again_and_again_is_left_down_with_its_reason(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        for _ in range(5):
            child.exit(7)
            child = await _next(b)
        child.exit(7)
        await b.until(lambda: b.path().count("failed") == 6)
        status = b.engine.status()
        assert (status.state, status.failure and status.failure.reason) == (
            "failed",
            "the runtime exited with code 7",
        )
        await b.ready_child()  # and a request tries again
        assert b.engine.status().failure is None


async def test_a_load_that_names_its_reason_is_not_repeated_by_itself(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        child.exit(1)
        successor = await b.spawn.child()
        successor.say(b"[E][     Init][ 185]: init axmodel(m/l0.axmodel) failed\n")
        successor.exit(255)
        await b.until(lambda: b.path().count("failed") == 2)
        loading = asyncio.create_task(b.engine.load())
        failing = await b.spawn.child()
        failing.say(b"[E][     Init][ 185]: init axmodel(m/l0.axmodel) failed\n")
        failing.exit(255)
        with pytest.raises(LoadError, match="init axmodel"):
            await within(loading)


@pytest.mark.parametrize(("jitter", "least", "most"), [(0.0, 0.05, 0.1), (1.0, 0.1, 1.0)])
async def test_the_pause_before_a_new_start_is_bounded_and_not_always_the_same(
    bench: MakeBench, jitter: float, least: float, most: float
) -> None:
    deadlines = Deadlines(load=0.2, backoff=0.1, backoff_limit=0.1)
    async with bench(deadlines, jitter=lambda: jitter) as b:
        child = await b.ready_child()
        loop = asyncio.get_running_loop()
        child.exit(1)
        begun = loop.time()
        await b.spawn.child()
        assert least * 0.9 <= loop.time() - begun < most + 1


async def test_the_log_names_the_request_and_tells_no_prompt(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        with capture_logs() as lines:
            with bound_contextvars(request_id="req-1"):
                generation = b.engine.submit(ask("a secret"))
            await child.prompt()
            child.exit(139)
            successor = await _next(b)
            await successor.prompt()
            successor.say(frames("fine") + END + MARK)
            await collect(generation)
            await within(generation.finished.wait())
        (done,) = [line for line in lines if line["event"] == "prompt"]
        assert (done["request_id"], done["outcome"], done["generated_tokens"]) == ("req-1", "stop", 1)
        assert "prompt_is_tried_again" in [line["event"] for line in lines]
        assert not any("secret" in str(line) or "fine" in str(line) for line in lines)


async def test_a_process_that_survives_sigkill_is_named_as_what_holds_the_card(
    bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_: FakeChild, farewell: bytes = b"") -> int:
        return -9

    async with bench() as b:
        await b.ready_child()
        monkeypatch.setattr(FakeChild, "stop", hang)
        await within(b.engine.unload())
        failure = b.engine.status().failure
        assert failure is not None
        assert "survived SIGKILL: it hangs in the card's driver" in failure.reason
        assert b.path()[-2:] == ["stopping", "failed"]


async def test_an_answer_without_frames_that_never_ends_is_ended(bench: MakeBench) -> None:
    async with bench(tokenizer="none", tokenizer_port=None) as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask())
        await child.prompt()
        for _ in range(20):
            child.say(b"y" * 4096)  # 80 KB; the context is of 1,024 tokens
            await b.until_calm()
        with pytest.raises(BrokenAnswerError, match="more than any answer has, and does not end"):
            await collect(generation)
        await within(child.exited)
