from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from hypothesis import given

from api.conftest import MakeService
from api.exchanges import CALL, CALL_TEXT, DELTAS, WEATHER, asked, data_of, summary
from axm1_llm.api.openai.chat.dialect import ChatDialect
from axm1_llm.engine import Delta, DoneReason
from engine.conftest import within
from engine.fakes import END, MARK, frames

CHAT = "/v1/chat/completions"
HI = [{"role": "user", "content": "hi"}]


def streamed(
    *deltas: Delta, usage: bool = False, reason: DoneReason = DoneReason.STOP
) -> list[dict[str, Any]]:
    dialect = ChatDialect("m", include_usage=usage)
    end = dialect.begin(7) + dialect.encode(deltas) + dialect.end(summary(reason, cached=3))
    return data_of(end.decode())


def choices(chunks: list[dict[str, Any]]) -> list[tuple[dict[str, Any], str | None]]:
    return [(choice["delta"], choice["finish_reason"]) for chunk in chunks for choice in chunk["choices"]]


async def test_a_stream_begins_with_the_role_and_ends_with_the_reason_and_the_mark(
    service: MakeService,
) -> None:
    async with service() as s:
        response = await asked(s, CHAT, model="m:7b", messages=HI, stream=True)
        assert response.headers["content-type"] == "text/event-stream"
        chunks = data_of(response.text)
        assert choices(chunks) == [
            ({"role": "assistant", "content": ""}, None),
            ({"content": "Hel"}, None),
            ({"content": "lo"}, None),
            ({}, "stop"),
        ]
        assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
        assert {chunk["model"] for chunk in chunks} == {"m:7b"}
        assert len({chunk["id"] for chunk in chunks}) == 1


async def test_without_stream_the_answer_is_one_object(service: MakeService) -> None:
    async with service(aliases=["gpt-4o"]) as s:
        before = int(time.time())
        response = await asked(s, CHAT, model="gpt-4o", messages=HI)
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        answer = response.json()
        assert answer.pop("id").startswith("chatcmpl-")
        assert before <= answer.pop("created") <= time.time()
        assert answer == {
            "object": "chat.completion",
            "model": "gpt-4o",
            "system_fingerprint": "fp_ollama",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "Hello"},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": 7,
                "completion_tokens": 2,
                "total_tokens": 9,
                "prompt_tokens_details": {"cached_tokens": 0},
            },
        }


async def test_the_figures_are_a_chunk_of_their_own_where_they_are_wanted(service: MakeService) -> None:
    async with service() as s:
        options = {"include_usage": True}
        response = await asked(s, CHAT, model="m:7b", messages=HI, stream=True, stream_options=options)
        *chunks, last = data_of(response.text)
        assert last["choices"] == []
        assert last["usage"]["total_tokens"] == 9
        assert all("usage" not in chunk for chunk in chunks)


async def test_an_answer_that_reaches_its_limit_says_so(service: MakeService) -> None:
    async with service() as s:
        response = await asked(s, CHAT, frames("Hel"), END + MARK, model="m:7b", messages=HI, max_tokens=1)
        choice = response.json()["choices"][0]
        assert (choice["message"]["content"], choice["finish_reason"]) == ("Hel", "length")


def test_thinking_streams_apart_from_the_text() -> None:
    chunks = streamed(Delta(thinking="hm"), Delta("so", "!"), Delta("yes"))
    assert [delta for delta, _ in choices(chunks)[1:4]] == [
        {"reasoning": "hm"},
        {"reasoning": "!", "content": "so"},
        {"content": "yes"},
    ]


def test_tool_calls_stream_with_their_place_and_their_arguments_in_a_string() -> None:
    chunks = streamed(Delta("Let me see. "), CALL, CALL)
    _, (text, _), (first, _), (second, _), last = choices(chunks)
    assert text == {"content": "Let me see. "}
    calls = [first["tool_calls"][0], second["tool_calls"][0]]
    assert calls[0].pop("id") != calls[1].pop("id")
    assert calls == [
        {"index": index, "type": "function", "function": {"name": "weather", "arguments": CALL_TEXT}}
        for index in (0, 1)
    ]
    assert last == ({}, "tool_calls")


def test_an_answer_in_one_object_has_thinking_and_calls_beside_its_text() -> None:
    dialect = ChatDialect("m", include_usage=False)
    answer = json.loads(dialect.whole([Delta(thinking="hm"), CALL], summary(cached=3)))
    choice = answer["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    (call,) = choice["message"].pop("tool_calls")
    assert call.pop("id").startswith("call_")
    assert call == {"type": "function", "function": {"name": "weather", "arguments": CALL_TEXT}}
    assert choice["message"] == {"role": "assistant", "content": "", "reasoning": "hm"}
    assert answer["usage"]["prompt_tokens_details"] == {"cached_tokens": 3}


async def test_tools_reach_the_template_and_a_call_in_the_text_becomes_a_call(service: MakeService) -> None:
    async with service() as s:
        s.tokenizer.template = "{{ tools }}<tool_call>"
        call = '<tool_call>\n{"name": "weather", "arguments": {"city": "Köln"}}\n</tool_call>'
        tools = [{"type": "function", "function": WEATHER}]
        response = await asked(
            s, CHAT, frames("Wait. ", call), END + MARK, model="m:7b", messages=HI, tools=tools
        )
        choice = response.json()["choices"][0]
        (called,) = choice["message"]["tool_calls"]
        assert called["function"] == {"name": "weather", "arguments": CALL_TEXT}
        assert (choice["message"]["content"].strip(), choice["finish_reason"]) == ("Wait.", "tool_calls")
        (spec,) = s.tokenizer.specs
        assert list(spec.tools) == tools


async def test_an_error_before_the_first_token_has_its_status_and_openais_envelope(
    service: MakeService,
) -> None:
    async with service() as s:
        response = await within(s.http.post(CHAT, json={"model": "nope", "messages": HI}))
        assert response.status_code == 404
        assert response.json() == {
            "error": {
                "message": "model 'nope' not found",
                "type": "not_found_error",
                "param": None,
                "code": None,
            }
        }


async def test_an_error_after_it_is_the_last_event_of_the_stream(service: MakeService) -> None:
    async with service() as s:
        body = {"model": "m:7b", "messages": HI, "stream": True}
        request = asyncio.create_task(s.http.post(CHAT, json=body))
        child = await s.spawn.child()
        child.start_up()
        await child.prompt()
        child.say(frames("Hel"))
        for _ in range(20):
            await asyncio.sleep(0)
        child.exit(139)
        response = await within(request)
        assert response.status_code == 200
        *_, text, error = response.text.removesuffix("\n\n").split("\n\n")
        assert json.loads(text.removeprefix("data: "))["choices"][0]["delta"] == {"content": "Hel"}
        problem = json.loads(error.removeprefix("data: "))["error"]
        assert problem["type"] == "api_error"
        assert "SIGSEGV" in problem["message"]


@pytest.mark.parametrize("model", ["m:7b", 'a"b\\', "Modell für Köln"])
def test_whatever_name_a_client_uses_comes_back(model: str) -> None:
    dialect = ChatDialect(model, include_usage=True)
    stream = dialect.begin(7) + dialect.encode([Delta("x")]) + dialect.end(summary())
    assert {chunk["model"] for chunk in data_of(stream.decode())} == {model}


@given(DELTAS)
def test_a_stream_and_one_object_hold_the_same_answer(deltas: list[Delta]) -> None:
    whole = json.loads(ChatDialect("m", include_usage=False).whole(deltas, summary()))["choices"][0]
    pieces = choices(streamed(*deltas))
    calls = [call for delta, _ in pieces for call in delta.get("tool_calls", [])]
    assert "".join(delta.get("content", "") for delta, _ in pieces) == whole["message"]["content"]
    thought = "".join(delta.get("reasoning", "") for delta, _ in pieces)
    assert thought == whole["message"].get("reasoning", "")
    assert [call["index"] for call in calls] == list(range(len(whole["message"].get("tool_calls", []))))
    assert pieces[-1] == ({}, whole["finish_reason"])
