"""The third generation: a server as the child, behind the same engine."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from axm1_llm.answer.tools.calls import ToolCall
from axm1_llm.engine import DoneReason, Summary, ThinkingMode
from axm1_llm.engine.generation import Delta
from axm1_llm.errors import (
    BrokenAnswerError,
    LoadError,
    ModelError,
    RequestCancelledError,
    RequestError,
    RuntimeDiedError,
    RuntimeStalledError,
    ShuttingDownError,
    UnsupportedError,
)
from axm1_llm.tokenizer.prompts import Message, PromptSpec
from engine.axllm_bench import PATIENT, ServerBench, answer_of, deltas_of, request, server_bench
from engine.conftest import within

WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}

# Down for long enough to be seen: what comes back at once has been failed for a moment only.
_STAYS_DOWN = replace(PATIENT, backoff=1.0, backoff_limit=1.0)


def sim(**settings: Any) -> dict[str, Any]:
    return {"sim": settings}


def environment_of(pid: int) -> list[bytes]:
    return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")


async def failure(bench: ServerBench, prompt: str | PromptSpec, **wanted: Any) -> Exception:
    """The error that ends a prompt."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the caller looks at it
        await bench.ask(prompt, **wanted)
    return caught.value


async def test_a_prompt_loads_the_server_and_its_answer_comes_back(tmp_path: Path) -> None:
    async with server_bench(tmp_path) as bench:
        text, summary = await bench.ask("hello third generation")
        assert text == "hello third generation"
        assert (summary.done_reason, summary.prompt_tokens) == (DoneReason.STOP, 3)
        assert summary.generated_tokens == len(text)
        assert summary.load > 0
        assert bench.path() == [
            "waiting_for_tokenizer",
            "starting",
            "initializing",
            "ready",
            "processing_prompt",
            "outputting",
            "ready",
        ]
        (sample,) = bench.metrics.samples
        assert (sample.outcome, sample.prompt_tokens, sample.generated_tokens) == ("stop", 3, len(text))


async def test_the_server_tells_what_it_is_while_it_loads(tmp_path: Path) -> None:
    async with server_bench(tmp_path, **sim(max_token_len=777)) as bench:
        await within(bench.engine.load(), 10)
        status = bench.engine.status()
        assert (status.context_length, status.cmm_remaining_mb) == (777, {0: 6432})


async def test_no_word_of_an_answer_gets_into_the_log(tmp_path: Path) -> None:
    async with server_bench(tmp_path, _STAYS_DOWN, **sim(faults=["hang_after_tokens=6"])) as bench:
        bench.engine.submit(request("secret words"))
        await bench.until("outputting")
        os.kill(bench.children[0].pid, signal.SIGKILL)
        await bench.until("failed")
        report = bench.engine.status().failure
        assert report is not None
        assert "LLM init ok" in report.log
        assert not any("secre" in line for line in report.log)


async def test_an_answer_ends_exactly_at_the_limit_with_the_right_reason(tmp_path: Path) -> None:
    async with server_bench(tmp_path) as bench:
        text, summary = await bench.ask("abcdefghi", num_predict=4)
        assert (text, summary.done_reason) == ("abcd", DoneReason.LENGTH)
        assert (summary.generated_tokens, summary.prompt_tokens) == (4, 1)
        assert (await bench.ask("next"))[0] == "next"


async def test_an_answer_that_fills_the_context_ends_for_its_length(tmp_path: Path) -> None:
    async with server_bench(tmp_path, **sim(max_token_len=12, faults=["endless"])) as bench:
        text, summary = await bench.ask("ab cd")
        assert (text, summary.done_reason) == ("ab cdab cd", DoneReason.LENGTH)


async def test_the_rest_behind_a_stop_sequence_is_outlasted_not_answered(tmp_path: Path) -> None:
    async with server_bench(tmp_path, **sim(token_ms=5)) as bench:
        text, summary = await bench.ask("one two three four", stops=("three",))
        assert (text, summary.done_reason) == ("one two ", DoneReason.STOP)
        assert (await bench.ask("next"))[0] == "next"
        assert "cancelling" in bench.path()
        assert len(bench.children) == 1


async def test_a_cancelled_answer_frees_the_server_for_the_next_prompt(tmp_path: Path) -> None:
    async with server_bench(tmp_path, **sim(token_ms=10)) as bench:
        generation = bench.engine.submit(request("x" * 30))
        await bench.until("outputting")
        generation.cancel()
        with pytest.raises(RequestCancelledError):
            await answer_of(generation)
        assert (await bench.ask("next"))[0] == "next"
        assert len(bench.children) == 1
        assert [sample.outcome for sample in bench.metrics.samples] == ["cancelled", "stop"]


async def test_a_server_that_does_not_end_an_unwanted_answer_is_replaced(tmp_path: Path) -> None:
    marker = tmp_path / "once"
    quick = replace(PATIENT, cancel=0.1)
    async with server_bench(tmp_path, quick, **sim(faults=[f"hang_after_tokens=3:once={marker}"])) as bench:
        assert (await bench.ask("abcdef", num_predict=3))[0] == "abc"
        assert (await bench.ask("next"))[0] == "next"
        assert len(bench.children) == 2
        (failed,) = [step for step in bench.engine.status().transitions if step.target == "failed"]
        assert failed.source == "cancelling"
        assert "cannot be told to stop" in failed.reason


@pytest.mark.parametrize(
    ("fault", "error", "reason"),
    [
        ("segfault_after_tokens=3", RuntimeDiedError, "SIGSEGV"),
        ("hang_after_tokens=3", RuntimeStalledError, "the server sent nothing for 0.3 s"),
        ("garbage_after_tokens=3", RuntimeStalledError, "is no chat completion chunk"),
        ("cut_after_tokens=3", ModelError, "server_timeout_ms"),
    ],
)
async def test_an_answer_that_breaks_off_names_the_reason_and_the_next_prompt_works(
    tmp_path: Path, fault: str, error: type[Exception], reason: str
) -> None:
    faults = [f"{fault}:once={tmp_path / 'once'}"]
    async with server_bench(tmp_path, replace(PATIENT, output=0.3), **sim(faults=faults)) as bench:
        generation = bench.engine.submit(request("abcdef"))
        heard: list[Delta] = []
        with pytest.raises(BrokenAnswerError, match=reason) as broken:
            await deltas_of(generation, heard)
        assert isinstance(broken.value.cause, error)
        assert "".join(delta.text for delta in heard) == "abc"
        assert (await bench.ask("next"))[0] == "next"
        assert len(bench.children) == 2


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("exit_at_layer=1", r"init axmodel\(l1.axmodel\) failed"),
        ("segfault_at_layer=1", "SIGSEGV"),
        ("never_healthy", "printed nothing for 1 s"),
    ],
)
async def test_a_server_that_does_not_come_up_names_the_reason(
    tmp_path: Path, fault: str, reason: str
) -> None:
    async with server_bench(tmp_path, replace(PATIENT, load=1), **sim(faults=[fault])) as bench:
        with pytest.raises(LoadError, match=reason) as caught:
            await within(bench.engine.load(), 20)
        assert "LLM init start" in caught.value.log_tail
        assert bench.engine.status().state == "failed"


async def test_a_load_that_fails_by_chance_is_tried_again(tmp_path: Path) -> None:
    faults = [f"segfault_at_layer=1:once={tmp_path / 'once'}"]
    async with server_bench(tmp_path, **sim(faults=faults)) as bench:
        assert (await bench.ask("hello"))[0] == "hello"
        assert len(bench.children) == 2


async def test_a_command_that_is_not_there_is_named(tmp_path: Path) -> None:
    async with server_bench(tmp_path, keys={"run_cmd": "/no/such/axllm"}) as bench:
        with pytest.raises(LoadError, match="run_cmd '/no/such/axllm' is not in model_path"):
            await within(bench.engine.load())


async def test_a_server_is_found_dead_between_two_prompts(tmp_path: Path) -> None:
    async with server_bench(tmp_path, _STAYS_DOWN) as bench:
        await bench.ask("hello")
        os.kill(bench.children[0].pid, signal.SIGKILL)
        await bench.until("failed")
        assert (await bench.ask("again"))[0] == "again"


async def test_unloading_asks_the_server_to_leave_by_itself(tmp_path: Path) -> None:
    async with server_bench(tmp_path) as bench:
        await within(bench.engine.load(), 10)
        await within(bench.engine.unload(), 10)
        assert bench.engine.status().state == "idle"
        assert bench.children[0].exited.result() == 0  # and not the -15 of SIGTERM


async def test_a_model_leaves_when_no_prompt_comes_for_its_keep_alive(tmp_path: Path) -> None:
    async with server_bench(tmp_path) as bench:
        await bench.ask("hello", keep_alive=0.05)
        await bench.until("idle")


async def test_closing_does_not_wait_for_the_rest_of_an_answer(tmp_path: Path) -> None:
    async with server_bench(tmp_path, **sim(token_ms=100)) as bench:
        generation = bench.engine.submit(request("x" * 1000))
        await bench.until("outputting")
    with pytest.raises(ShuttingDownError):
        await answer_of(generation)
    assert bench.children[0].exited.done()


async def test_prompts_are_answered_one_at_a_time_in_the_order_they_came(tmp_path: Path) -> None:
    async with server_bench(tmp_path) as bench:
        asked = [bench.engine.submit(request(f"prompt {number}")) for number in range(5)]
        answers = await asyncio.gather(*(answer_of(each) for each in asked))
        assert [text for text, _ in answers] == [f"prompt {number}" for number in range(5)]


async def shown(bench: ServerBench, what: str, **wanted: Any) -> Any:
    """What of the request reached the server."""
    prompt = wanted.pop("prompt", PromptSpec((Message("user", f"show {what}"),)))
    return json.loads((await bench.ask(prompt, **wanted))[0])


async def test_the_request_is_passed_on_as_the_server_reads_it(tmp_path: Path) -> None:
    async with server_bench(tmp_path, **sim(max_token_len=5000)) as bench:
        plain = await shown(bench, "request")
        assert plain["model"] == "vendor/m"
        assert plain["max_tokens"] == 5000
        assert not {"temperature", "enable_thinking", "tools", "stop"} & set(plain)
        prompt = PromptSpec((Message("user", "show request"),), think=False, tools=(WEATHER,))
        sampling = {"temperature": 0.5, "top_p": 0.9, "mirostat": 1}
        full = await shown(bench, "request", prompt=prompt, num_predict=900, sampling=sampling)
        assert (full["max_tokens"], full["enable_thinking"]) == (900, False)
        assert (full["temperature"], full["top_p"], full["tools"]) == (0.5, 0.9, [WEATHER])
        assert "mirostat" not in full


async def test_a_raw_prompt_goes_as_one_user_turn(tmp_path: Path) -> None:
    async with server_bench(tmp_path) as bench:
        messages = await shown(bench, "messages", prompt=PromptSpec(text="show messages"))
        assert messages == [{"role": "user", "content": "show messages"}]


async def test_pictures_stand_before_the_text_of_the_last_user_turn(tmp_path: Path) -> None:
    async with server_bench(tmp_path, vlm_type="Qwen3VL") as bench:
        text, _ = await bench.ask("what is it?", images=(b"\x89PNG1", b"\xff\xd8\xff2"))
        assert text == "[2 pictures]what is it?"


async def test_a_model_without_eyes_says_so(tmp_path: Path) -> None:
    async with server_bench(tmp_path) as bench:
        error = await failure(bench, "what is it?", images=(b"\x89PNG1",))
        assert isinstance(error, UnsupportedError)
        assert str(error) == '"m" does not support vision'
        assert (await bench.ask("next"))[0] == "next"


async def test_tool_calls_are_delivered_as_calls(tmp_path: Path) -> None:
    async with server_bench(tmp_path) as bench:
        turns = (Message("user", 'call weather {"city": "Rome"}'),)
        generation = bench.engine.submit(request(PromptSpec(turns, tools=(WEATHER,))))
        deltas = await deltas_of(generation)
        assert [delta.tool_call for delta in deltas] == [ToolCall("weather", {"city": "Rome"})]
        assert generation.summary is not None
        assert generation.summary.done_reason is DoneReason.STOP


async def test_calls_and_results_of_earlier_turns_are_passed_on(tmp_path: Path) -> None:
    call = {"function": {"name": "weather", "arguments": {"city": "Rome"}}}
    turns = (
        Message("user", "weather?"),
        Message("assistant", "", {"tool_calls": [call]}),
        Message("tool", "sunny", {"tool_call_id": "call_0"}),
        Message("user", "show messages"),
    )
    async with server_bench(tmp_path) as bench:
        _, asked, result, _ = await shown(bench, "messages", prompt=PromptSpec(turns))
        assert asked["tool_calls"] == [
            {
                "id": "call_0",
                "type": "function",
                "function": {"name": "weather", "arguments": '{"city":"Rome"}'},
            }
        ]
        assert result == {"role": "tool", "content": "sunny", "tool_call_id": "call_0"}


async def test_thinking_comes_apart_where_it_is_wanted(tmp_path: Path) -> None:
    async with server_bench(tmp_path) as bench:
        prompt = PromptSpec((Message("user", "hello"),), think=True)
        generation = bench.engine.submit(request(prompt, thinking=ThinkingMode.SEPARATE))
        deltas = await deltas_of(generation)
        assert "".join(delta.thinking for delta in deltas).strip() == "hm"
        assert "".join(delta.text for delta in deltas) == "hello"
        assert (await bench.ask(prompt))[0] == "hello"


LONG = (
    Message("system", "be brief"),
    *(Message(role, f"{role} {number}") for number in range(6) for role in ("user", "assistant")),
    Message("user", "show messages"),
)


async def test_a_conversation_that_is_too_long_loses_its_oldest_turns(tmp_path: Path) -> None:
    async with server_bench(tmp_path, **sim(max_token_len=14)) as bench:
        text, summary = await bench.ask(PromptSpec(LONG), num_predict=5)
        assert text
        # The answer is cut at the context; how many turns were left is what the server counted.
        assert summary.prompt_tokens == 12
        states = bench.path()
        assert states[-2:] == ["outputting", "ready"] or states[-1] == "ready"
        assert len(bench.children) == 1


async def test_a_conversation_that_must_not_be_cut_is_refused(tmp_path: Path) -> None:
    async with server_bench(tmp_path, **sim(max_token_len=14)) as bench:
        error = await failure(bench, PromptSpec(LONG, truncate=False))
        assert isinstance(error, RequestError)
        assert str(error) == (
            "the prompt is longer than the context of 14 tokens of model 'm'; shorten the prompt"
        )
        assert (await bench.ask("next"))[0] == "next"


async def test_a_single_turn_that_is_too_long_is_refused(tmp_path: Path) -> None:
    async with server_bench(tmp_path, **sim(max_token_len=5)) as bench:
        assert isinstance(await failure(bench, "one two three four five six"), RequestError)
        assert bench.engine.status().state == "ready"


async def test_a_refusal_that_is_only_logged_is_an_error_all_the_same(tmp_path: Path) -> None:
    async with server_bench(tmp_path, **sim(faults=["silent_refusal"])) as bench:
        assert "longer than the context" in str(await failure(bench, "hello"))


async def test_an_answer_without_a_token_is_an_answer(tmp_path: Path) -> None:
    async with server_bench(tmp_path) as bench:
        text, summary = await bench.ask("")
        assert (text, summary.done_reason, summary.generated_tokens) == ("", DoneReason.STOP, 0)


@pytest.mark.parametrize(("status", "kind"), [(500, ModelError), (400, RequestError)])
async def test_an_error_status_fails_the_prompt_only(
    tmp_path: Path, status: int, kind: type[Exception]
) -> None:
    faults = [f"status={status}:once={tmp_path / 'once'}"]
    async with server_bench(tmp_path, **sim(faults=faults)) as bench:
        error = await failure(bench, "hello")
        assert isinstance(error, kind)
        assert "it was told to fail" in str(error)
        assert (await bench.ask("next"))[0] == "next"
        assert len(bench.children) == 1


async def test_a_template_of_the_request_is_refused(tmp_path: Path) -> None:
    async with server_bench(tmp_path) as bench:
        prompt = PromptSpec((Message("user", "hello"),), template="{{ x }}")
        assert "does not support a template" in str(await failure(bench, prompt))


async def test_the_cards_of_the_descriptor_are_told_to_the_server(tmp_path: Path) -> None:
    async with server_bench(tmp_path, keys={"devices": [1, 2], "env": {"MINE": "1"}}) as bench:
        await within(bench.engine.load(), 10)
        environ = environment_of(bench.children[0].pid)
        assert {b"AXLLM_DEVICES=1,2", b"MINE=1"} <= set(environ)
        assert any(line.startswith(b"AXM1_PORT=") for line in environ)


async def test_texts_become_vectors(tmp_path: Path) -> None:
    async with server_bench(tmp_path, is_embedding=True) as bench:
        found = await within(bench.engine.embed(["one two", "three", "one two"]), 10)
        assert len(found.vectors) == 3
        assert found.vectors[0] == found.vectors[2] != found.vectors[1]
        assert sum(number * number for number in found.vectors[0]) == pytest.approx(1)
        assert found.prompt_tokens == 5
        (sample,) = bench.metrics.samples
        assert (sample.outcome, sample.prompt_tokens) == ("stop", 5)
        assert bench.path()[-2:] == ["processing_prompt", "ready"]


async def test_vectors_wait_their_turn_behind_prompts(tmp_path: Path) -> None:
    async with server_bench(tmp_path, is_embedding=True) as bench:
        jobs = [asyncio.create_task(bench.engine.embed([f"text {number}"])) for number in range(3)]
        await asyncio.sleep(0)
        assert bench.engine.queue_length == 3
        found = await within(asyncio.gather(*jobs), 10)
        assert all(embeddings.vectors for embeddings in found)


async def test_a_model_for_answers_gives_no_vectors_and_one_for_vectors_no_answers(tmp_path: Path) -> None:
    async with server_bench(tmp_path) as bench:
        with pytest.raises(UnsupportedError, match=r'^"m" does not support embeddings$'):
            await within(bench.engine.embed(["text"]), 10)
    async with server_bench(tmp_path, is_embedding=True) as bench:
        assert str(await failure(bench, "hello")) == '"m" does not support generate'


async def test_a_caller_of_vectors_that_leaves_the_queue_is_only_counted(tmp_path: Path) -> None:
    async with server_bench(tmp_path, is_embedding=True, **sim(layer_ms=50)) as bench:
        leaving = asyncio.create_task(bench.engine.embed(["text"]))
        await bench.until("starting")
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        await within(bench.engine.embed(["next"]), 10)
        assert [sample.outcome for sample in bench.metrics.samples] == ["cancelled", "stop"]


async def test_summaries_are_whole(tmp_path: Path) -> None:
    async with server_bench(tmp_path) as bench:
        _, summary = await bench.ask("hello")
        assert isinstance(summary, Summary)
        assert summary.total >= summary.load + summary.prefill + summary.decode > 0
