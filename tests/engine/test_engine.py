"""The engine between a scripted child and a scripted tokenizer: each test reads as the dialogue."""

from __future__ import annotations

import asyncio

import pytest

from axm1_llm.engine import DoneReason, ThinkingMode
from axm1_llm.engine.room import UnlimitedRoom
from axm1_llm.errors import (
    BrokenAnswerError,
    LoadError,
    ModelError,
    ModelNotFoundError,
    PromptTooLongError,
    RequestCancelledError,
    RuntimeDiedError,
    ShuttingDownError,
    TokenizerError,
    UnsupportedError,
)
from axm1_llm.tokenizer.prompts import AnswerRecord
from engine.conftest import MakeBench, ask, collect, within
from engine.fakes import END, MARK, START_UP, TURN_OVER, FakeTokenizer, Place, frames


async def test_a_prompt_loads_the_model_and_its_answer_comes_back(bench: MakeBench) -> None:
    async with bench() as b:
        generation = b.engine.submit(ask())
        child = await b.spawn.child()
        child.start_up()
        assert await child.prompt() == b"ticket-1\n"
        child.say(frames("Hel", "lo", "!"))
        child.say(END + MARK)
        text, summary = await collect(generation)

        assert text == "Hello!"
        assert (summary.done_reason, summary.prompt_tokens, summary.generated_tokens) == ("stop", 7, 3)
        assert summary.load > 0
        await within(generation.finished.wait())
        assert b.tokenizer.started == ["m"]
        assert b.tokenizer.closed == [("ticket-1", 3, None)]
        assert b.path() == [
            "waiting_for_tokenizer", "starting", "initializing", "ready",
            "processing_prompt", "outputting", "ready",
        ]  # fmt: skip
        assert [sample.outcome for sample in b.metrics.samples] == ["stop"]
        (context,) = b.metrics.contexts
        assert context is not None
        assert (context.operation, context.error) == ("chat", "")
        assert 0 < context.load_seconds < context.total_seconds


async def test_the_script_gets_the_tokenizer_port_an_empty_prompt_and_the_url(bench: MakeBench) -> None:
    async with bench(env={"EXTRA": "1"}) as b:
        child = await b.ready_child()
        assert list(child.argv[1:]) == ["1234", ""]
        assert child.env["AXM1_TOKENIZER_URL"] == "http://127.0.0.1:1234"
        assert child.env["EXTRA"] == "1"


async def test_init_ok_is_not_ready_only_the_prompt_mark_is(bench: MakeBench) -> None:
    async with bench() as b:
        loading = asyncio.create_task(b.engine.load())
        child = await b.spawn.child()
        child.say(START_UP)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        status = b.engine.status()
        assert (status.state, status.progress and status.progress.percent) == ("initializing", 50)
        assert not loading.done()
        child.say(MARK)
        await within(loading)
        assert b.engine.status().context_length == 1024


async def test_prompts_are_answered_one_at_a_time_in_the_order_they_came(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generations = [b.engine.submit(ask()) for _ in range(3)]
        for number, generation in enumerate(generations, start=1):
            assert await child.prompt() == b"ticket-%d\n" % number
            assert child.lines.empty()
            assert b.engine.queue_length == 3 - number
            child.say(frames(str(number)) + END + MARK)
            assert (await collect(generation))[0] == str(number)


async def test_num_predict_counts_exactly_and_the_runtime_is_free_only_at_its_mark(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask(num_predict=4))
        following = b.engine.submit(ask())
        await child.prompt()
        child.say(frames("a", "b", "c"))
        child.say(frames("d", "e", "f"))
        text, summary = await collect(generation)
        assert (text, summary.done_reason, summary.generated_tokens) == ("abcd", DoneReason.LENGTH, 4)
        await within(child.interrupts.get())
        assert not generation.finished.is_set()
        assert child.lines.empty()
        child.say(frames("g") + END + MARK)
        await within(generation.finished.wait())
        assert b.tokenizer.closed == [("ticket-1", 7, None)]
        assert await child.prompt() == b"ticket-2\n"
        child.say(END + MARK)
        assert (await collect(following))[0] == ""


async def test_an_answer_ends_with_the_models_turn_though_the_runtime_goes_on(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask())
        await child.prompt()
        child.say(frames("a", "b") + TURN_OVER)
        text, summary = await collect(generation)
        assert (text, summary.done_reason, summary.generated_tokens) == ("ab", DoneReason.STOP, 2)
        await within(child.interrupts.get())
        child.say(TURN_OVER + END + MARK)
        await within(generation.finished.wait())
        assert b.tokenizer.closed == [("ticket-1", 2, None)]


async def test_an_interrupt_that_was_lost_is_sent_again_until_the_mark_comes(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask())
        await child.prompt()
        generation.cancel()
        for _ in range(3):
            await within(child.interrupts.get())
        assert b.engine.status().state == "cancelling"
        child.say(END + MARK)
        await within(generation.finished.wait())
        assert b.path()[-3:] == ["processing_prompt", "cancelling", "ready"]
        with pytest.raises(RequestCancelledError):
            await collect(generation)
        assert [sample.outcome for sample in b.metrics.samples] == ["cancelled"]
        assert [context and context.error for context in b.metrics.contexts] == ["RequestCancelledError"]


async def test_a_runtime_that_ignores_interrupts_is_replaced(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask(num_predict=1))
        following = b.engine.submit(ask())
        await child.prompt()
        child.say(frames("a"))
        assert (await collect(generation))[0] == "a"
        successor = await b.spawn.child()
        assert child.exited.done()
        failure = b.engine.status().failure
        assert failure is not None
        assert "did not stop its answer" in failure.reason
        successor.start_up()
        await successor.prompt()
        successor.say(frames("b") + END + MARK)
        assert (await collect(following))[0] == "b"


async def test_a_stop_sequence_over_token_borders_ends_the_answer_before_it(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask(stops=("STOP",)))
        await child.prompt()
        child.say(frames("one S", "TO", "P two"))
        text, summary = await collect(generation)
        assert (text, summary.done_reason) == ("one ", DoneReason.STOP)
        child.say(END + MARK)
        await within(generation.finished.wait())


async def test_tokens_that_were_not_printed_are_handed_over_by_the_gateway(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        b.tokenizer.record = AnswerRecord((" of", " text"), 1016, ended=True)
        generation = b.engine.submit(ask())
        await child.prompt()
        child.say(frames("the", " end") + END + MARK)
        text, summary = await collect(generation)
        assert (text, summary.generated_tokens) == ("the end of text", 4)
        assert summary.done_reason is DoneReason.LENGTH  # 7 + 1016 tokens fill the context of 1024


async def test_a_crash_in_the_middle_fails_the_prompt_with_the_reason_and_the_next_one_works(
    bench: MakeBench,
) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask())
        following = b.engine.submit(ask())
        await child.prompt()
        child.say(frames("a", "b"))
        child.on_stderr(b"Segmentation fault\n")
        child.exit(139)
        with pytest.raises(BrokenAnswerError, match=r"not complete: .* code 139 \(SIGSEGV\)") as error:
            await collect(generation)
        assert isinstance(error.value.cause, RuntimeDiedError)
        assert error.value.log_tail[-1] == "Segmentation fault"
        successor = await b.spawn.child()
        successor.start_up()
        await successor.prompt()
        successor.say(frames("c") + END + MARK)
        assert (await collect(following))[0] == "c"
        assert b.metrics.restarts == 1


async def test_a_failure_that_the_runtime_names_is_told_at_once(bench: MakeBench) -> None:
    async with bench() as b:
        loading = asyncio.create_task(b.engine.load())
        generation = b.engine.submit(ask())
        child = await b.spawn.child()
        child.say(b"\x1b[1;30;31m[E][     Init][ 185]: init axmodel(m/l0.axmodel) failed\x1b[0m\n")
        child.exit(255)
        with pytest.raises(LoadError, match=r"init axmodel\(m/l0\.axmodel\) failed"):
            await within(loading)
        with pytest.raises(LoadError):
            await collect(generation)
        status = b.engine.status()
        assert status.state == "failed"
        assert status.failure is not None
        assert status.failure.log


@pytest.mark.parametrize("leave", ["unload", "close"])
async def test_a_tokenizer_that_is_waited_for_holds_up_nobody_who_wants_the_model_gone(
    bench: MakeBench, monkeypatch: pytest.MonkeyPatch, leave: str
) -> None:
    async def never(_: FakeTokenizer, model: str, *, anew: bool = False) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(FakeTokenizer, "start", never)
    async with bench() as b:
        loading = asyncio.create_task(b.engine.load())
        await b.until(lambda: b.path() == ["waiting_for_tokenizer"])
        await within(b.engine.unload() if leave == "unload" else b.engine.close(b.task))
        await b.until(lambda: b.path()[:3] == ["waiting_for_tokenizer", "stopping", "idle"])
        loading.cancel()


async def test_a_model_that_gets_its_place_while_it_is_unloaded_answers_who_waits(
    bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A soak saw it fail: it was told to leave before it had begun to load.
    place = Place()
    monkeypatch.setattr(UnlimitedRoom, "ask", lambda *_: place)
    async with bench() as b:
        answer = asyncio.create_task(collect(b.engine.submit(ask())))
        await b.until(lambda: b.path() == ["waiting_for_card"])
        unloading = asyncio.create_task(b.engine.unload())
        place.granted = True
        await within(unloading)
        child = await b.spawn.child()
        child.start_up()
        await child.prompt()
        child.say(frames("yes") + END + MARK)
        assert (await answer)[0] == "yes"
        assert "failed" not in b.path()


async def test_a_load_that_hangs_is_started_again_and_given_up_after_three_attempts(bench: MakeBench) -> None:
    async with bench() as b:
        loading = asyncio.create_task(b.engine.load())
        for _ in range(3):
            child = await b.spawn.child()
            child.say(START_UP)
        with pytest.raises(LoadError, match=r"printed nothing for 0\.2 s"):
            await within(loading)
        assert b.path().count("failed") == 3


async def test_progress_keeps_a_slow_load_alive(bench: MakeBench) -> None:
    async with bench() as b:
        loading = asyncio.create_task(b.engine.load())
        child = await b.spawn.child()
        for _ in range(4):  # 4 × 0.1 s of loading with a stall time-out of 0.2 s
            child.say(START_UP)
            await asyncio.wait((loading,), timeout=0.1)
        child.say(MARK)
        await within(loading)
        assert b.path().count("failed") == 0


async def test_an_answer_that_stands_still_is_an_error_and_the_runtime_is_replaced(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask())
        await child.prompt()
        child.say(frames("a"))
        with pytest.raises(BrokenAnswerError, match=r"printed nothing for 0\.2 s"):
            await collect(generation)
        await within(child.exited)


async def test_a_tokenizer_that_does_not_start_fails_the_load_with_its_reason(bench: MakeBench) -> None:
    async with bench() as b:
        b.tokenizer.start_error = TokenizerError("m", "no tokenizer.json")
        with pytest.raises(LoadError, match=r"no tokenizer\.json"):
            await within(b.engine.load())
        assert b.path() == ["waiting_for_tokenizer", "failed"]


async def test_a_model_that_the_tokenizer_service_does_not_know_fails_the_load_with_what_to_do(
    bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("axm1_llm.engine.loading._READING", 0.1)
    async with bench() as b:
        b.tokenizer.start_error = ModelNotFoundError("m")
        with pytest.raises(LoadError, match="give both services the same descriptor file"):
            await within(b.engine.load())
        assert len(b.tokenizer.started) > 1, "it may be about to read the file"


async def test_a_ticket_that_is_refused_fails_its_prompt_only(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        b.tokenizer.ticket_errors = [PromptTooLongError("m", 2000, 1023)]
        refused, following = b.engine.submit(ask()), b.engine.submit(ask())
        with pytest.raises(PromptTooLongError, match="2000"):
            await collect(refused)
        await child.prompt()
        child.say(frames("ok") + END + MARK)
        assert (await collect(following))[0] == "ok"
        assert [sample.outcome for sample in b.metrics.samples] == ["failed", "stop"]


async def test_a_tokenizer_service_that_was_restarted_is_asked_to_start_the_tokenizer_again(
    bench: MakeBench,
) -> None:
    async with bench() as b:
        child = await b.ready_child()
        b.tokenizer.ticket_errors = [TokenizerError("m", "is not running")]
        generation = b.engine.submit(ask())
        await child.prompt()
        child.say(frames("ok") + END + MARK)
        assert (await collect(generation))[0] == "ok"
        assert b.tokenizer.started == ["m", "m"]


async def test_the_prompt_limit_is_what_the_runtime_named(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        b.engine.submit(ask())
        await child.prompt()
        child.say(END + MARK)
        assert b.tokenizer.specs[0].limit == 1023
        child.say(b"[I][  Init][ 1]: prefill_token_num : 128\n")
        b.engine.submit(ask())
        b.engine.submit(ask())
        for _ in range(2):
            await child.prompt()
            child.say(END + MARK)
        assert b.tokenizer.specs[-1].limit == 128


async def test_a_prompt_that_the_runtime_rejects_is_an_error_not_nonsense(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask())
        await child.prompt()
        child.say(b"[E][  Encode][ 1]: input_ids(300) > prefill_token_num(128)\n" + frames("x", "y"))
        with pytest.raises(PromptTooLongError, match="300 tokens, model 'm' takes 128"):
            await collect(generation)
        await within(child.interrupts.get())
        child.say(END + MARK)
        await within(generation.finished.wait())


async def test_a_token_that_was_not_decoded_in_time_breaks_the_answer_off(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask())
        await child.prompt()
        child.say(frames("a") + b"\x02\x10?\x03")
        await within(child.interrupts.get())
        child.say(END + MARK)
        with pytest.raises(BrokenAnswerError, match="in time"):
            await collect(generation)
        await within(generation.finished.wait())


async def test_a_first_token_that_was_not_decoded_in_time_is_asked_for_again(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask())
        await child.prompt()
        child.say(b"\x02\x10?\x03")
        await within(child.interrupts.get())
        child.say(END + MARK)
        assert await child.prompt() == b"ticket-2\n"
        child.say(frames("ok") + END + MARK)
        assert (await collect(generation))[0] == "ok"
        assert b.tokenizer.closed == [("ticket-1", 1, None), ("ticket-2", 1, None)]
        assert [sample.outcome for sample in b.metrics.samples] == ["stop"]


async def test_a_context_build_is_reset_before_a_prompt_that_does_not_follow(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        b.tokenizer.resets = True
        generation = b.engine.submit(ask())
        assert await child.prompt() == b"reset\n"
        child.say(b"prompt >> ")
        assert await child.prompt() == b"ticket-1\n"
        child.say(frames("ok") + END + b"[I][ GetKVCache][ 1]: precompute_len:83, remaining:1965\nprompt >> ")
        assert (await collect(generation))[0] == "ok"
        await within(generation.finished.wait())
        assert b.tokenizer.closed == [("ticket-1", 1, 83)]


async def test_a_prompt_that_needs_a_fresh_runtime_goes_first_to_the_next_one(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        first = b.engine.submit(ask())
        await child.prompt()
        child.say(frames("1") + END + MARK)
        await collect(first)
        b.tokenizer.restarts = 1
        second, third = b.engine.submit(ask()), b.engine.submit(ask())
        fresh = await b.spawn.child()
        fresh.start_up()
        for generation, answer in ((second, "2"), (third, "3")):
            assert (await fresh.prompt()).startswith(b"ticket-")
            fresh.say(frames(answer) + END + MARK)
            assert (await collect(generation))[0] == answer
        assert child.farewell == b"q\n"
        assert (b.metrics.restarts, len(b.metrics.samples)) == (0, 3)


async def test_a_prompt_that_no_fresh_runtime_takes_is_an_error_in_the_end(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        first = b.engine.submit(ask())
        await child.prompt()
        child.say(frames("1") + END + MARK)
        await collect(first)
        b.tokenizer.restarts = 9
        second = b.engine.submit(ask())
        (await b.spawn.child()).start_up()
        with pytest.raises(ModelError):
            await collect(second)
        await within(second.finished.wait())


async def test_a_runtime_on_pipes_gives_no_vectors(bench: MakeBench) -> None:
    async with bench() as b:
        asked = asyncio.create_task(b.engine.embed(["text"]))
        child = await b.spawn.child()
        child.start_up()
        with pytest.raises(UnsupportedError, match=r'^"m" does not support embeddings$'):
            await within(asked)
        assert b.engine.status().state == "ready"


async def test_a_vision_build_is_told_that_there_is_no_image(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask())
        assert await child.prompt() == b"ticket-1\n"
        child.say(b"image >> ")
        assert await child.prompt() == b"\n"
        child.say(frames("ok") + END + b"prompt >> ")
        assert (await collect(generation))[0] == "ok"


async def test_a_runtime_with_its_own_tokenizer_gets_the_prompt_on_one_line(bench: MakeBench) -> None:
    async with bench(tokenizer="none") as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask("two\nlines"))
        assert await child.prompt() == b"two lines\n"
        child.say(b"an ans")
        child.say(b"wer >> \nhit eos,avg 3 token/s" + END + MARK)
        assert (await collect(generation))[0] == "an answer >> \nhit eos,avg 3 token/s"
        assert b.tokenizer.started == []


async def test_a_script_without_a_prompt_mark_is_ready_when_it_falls_silent(bench: MakeBench) -> None:
    async with bench(tokenizer="none", dialect="markless") as b:
        loading = asyncio.create_task(b.engine.load())
        child = await b.spawn.child()
        await within(loading)
        generation = b.engine.submit(ask())
        await child.prompt()
        child.say(b"answer" + END)
        assert (await collect(generation))[0] == "answer"
        await within(generation.finished.wait())
        assert b.engine.status().state == "ready"


async def test_a_prompt_that_left_the_queue_is_never_answered_and_causes_no_load(bench: MakeBench) -> None:
    async with bench() as b:
        generation = b.engine.submit(ask())
        generation.cancel()
        await within(generation.finished.wait())
        assert b.path() == []
        assert [sample.outcome for sample in b.metrics.samples] == ["cancelled"]


async def test_thinking_is_removed_kept_or_split_as_asked(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        expected = {
            ThinkingMode.HIDDEN: ("answer", ""),
            ThinkingMode.INLINE: ("<think>why</think>\n\nanswer", ""),
            ThinkingMode.SEPARATE: ("answer", "why"),
        }
        for mode, (text, thinking) in expected.items():
            generation = b.engine.submit(ask(thinking=mode))
            await child.prompt()
            child.say(frames("<thi", "nk>wh", "y</", "think>\n\n", "answer") + END + MARK)
            deltas = [delta async for batch in generation.batches() for delta in batch]
            assert "".join(delta.text for delta in deltas) == text
            assert "".join(delta.thinking for delta in deltas) == thinking


async def test_unloading_waits_for_the_answer_and_asks_the_runtime_to_leave(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask())
        await child.prompt()
        unloading = asyncio.create_task(b.engine.unload())
        child.say(frames("bye") + END + MARK)
        assert (await collect(generation))[0] == "bye"
        await within(unloading)
        assert child.farewell == b"q\n"
        assert b.path()[-2:] == ["stopping", "idle"]


async def test_closing_fails_what_waits_and_what_runs_with_a_reason(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        running, waiting = b.engine.submit(ask()), b.engine.submit(ask())
        await child.prompt()
        child.say(frames("a"))
        closing = asyncio.create_task(b.engine.close(b.task))
        for generation in (running, waiting):
            with pytest.raises(ShuttingDownError):
                await collect(generation)
        await within(child.interrupts.get())
        child.say(END + MARK)
        await within(closing)
        assert child.exited.done()


async def test_a_model_that_runs_from_start_up_on_comes_back_by_itself(bench: MakeBench) -> None:
    async with bench(run_on_startup=True) as b:
        child = await b.ready_child()
        child.exit(-9)
        successor = await b.spawn.child()
        successor.start_up()
        await within(b.engine.load())
        assert b.path()[-5:] == ["failed", "waiting_for_tokenizer", "starting", "initializing", "ready"]


async def test_a_script_that_cannot_be_executed_is_named(bench: MakeBench) -> None:
    async with bench() as b:
        b.spawn.error = PermissionError("'./run.sh' is not executable")
        with pytest.raises(LoadError, match="not executable"):
            await within(b.engine.load())


async def test_a_model_leaves_when_no_prompt_comes_for_its_keep_alive(bench: MakeBench) -> None:
    async with bench(keep_alive=0.05) as b:
        child = await b.ready_child()
        await within(asyncio.shield(child.exited))
        assert child.farewell == b"q\n"


async def test_the_request_says_how_long_the_model_stays_afterwards(bench: MakeBench) -> None:
    async with bench(keep_alive=-1) as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask(keep_alive=0))
        await child.prompt()
        child.say(frames("bye") + END + MARK)
        assert (await collect(generation))[0] == "bye"
        await within(asyncio.shield(child.exited))


async def test_an_answer_that_takes_longer_than_the_keep_alive_is_not_cut(bench: MakeBench) -> None:
    async with bench(keep_alive=0.05) as b:
        loading = asyncio.create_task(b.engine.load())
        child = await b.spawn.child()
        generation = b.engine.submit(ask())
        child.start_up()
        await child.prompt()
        await asyncio.wait((asyncio.shield(child.exited),), timeout=0.1)
        child.say(frames("late") + END + MARK)
        assert (await collect(generation))[0] == "late"
        await within(loading)


async def test_a_prompt_that_the_runtime_refuses_without_an_answer_is_an_error(bench: MakeBench) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask())
        await child.prompt()
        child.say(b"[E][  main][ 1]: SetKVCache failed: -1,the context may be full\nprompt >> ")
        with pytest.raises(ModelError, match="refused the prompt: SetKVCache failed"):
            await collect(generation)
        assert b.engine.status().state == "ready"


async def test_a_caller_that_leaves_while_its_prompt_is_rendered_costs_the_card_nothing(
    bench: MakeBench,
) -> None:
    async with bench() as b:
        child = await b.ready_child()
        generation = b.engine.submit(ask())
        generation.cancel()
        following = b.engine.submit(ask())
        assert await child.prompt() == b"ticket-1\n"
        child.say(frames("ok") + END + MARK)
        assert (await collect(following))[0] == "ok"
        assert child.interrupts.empty()
