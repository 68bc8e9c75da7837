from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from api.conftest import MakeService
from api.exchanges import CALL, CALL_TEXT, DELTAS, asked, named_data_of, summary
from axm1_llm.api.anthropic.dialect import MessagesDialect
from axm1_llm.engine import Delta, DoneReason
from engine.conftest import within
from engine.fakes import END, MARK, frames

MESSAGES = "/v1/messages"
HI = [{"role": "user", "content": "hi"}]


def streamed(*deltas: Delta, cached: int = 0) -> list[dict[str, Any]]:
    dialect = MessagesDialect("m")
    stream = dialect.begin(7) + dialect.encode(deltas) + dialect.end(summary(cached=cached))
    return named_data_of(stream.decode())


async def test_a_text_streams_as_one_block_with_all_its_events_in_order(service: MakeService) -> None:
    async with service() as s:
        response = await asked(s, MESSAGES, model="m:7b", messages=HI, max_tokens=9, stream=True)
        assert response.headers["content-type"] == "text/event-stream"
        start, *events = named_data_of(response.text)
        assert start["message"].pop("id").startswith("msg_")
        figures = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
        assert start == {
            "type": "message_start",
            "message": {
                "type": "message",
                "role": "assistant",
                "model": "m:7b",
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": {"input_tokens": 7, "output_tokens": 0, **figures},
            },
        }
        assert events == [
            {"type": "ping"},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
            {"type": "content_block_stop", "index": 0},
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                "usage": {"input_tokens": 7, "output_tokens": 2, **figures},
            },
            {"type": "message_stop"},
        ]


async def test_without_stream_the_answer_is_one_object(service: MakeService) -> None:
    async with service(aliases=["claude-opus-4"]) as s:
        response = await asked(s, MESSAGES, model="claude-opus-4", messages=HI, max_tokens=9)
        answer = response.json()
        assert answer["content"] == [{"type": "text", "text": "Hello"}]
        assert (answer["model"], answer["stop_reason"]) == ("claude-opus-4", "end_turn")
        assert (answer["usage"]["input_tokens"], answer["usage"]["output_tokens"]) == (7, 2)


async def test_an_answer_that_reaches_its_limit_says_so(service: MakeService) -> None:
    async with service() as s:
        response = await asked(
            s, MESSAGES, frames("Hel"), END + MARK, model="m:7b", messages=HI, max_tokens=1
        )
        assert response.json()["stop_reason"] == "max_tokens"


def test_thinking_text_and_calls_are_blocks_of_their_own() -> None:
    events = streamed(Delta(thinking="h"), Delta(thinking="m"), Delta("So: "), CALL)[2:]
    call_id = events[7]["content_block"].pop("id")
    assert call_id.startswith("toolu_")
    assert events[:-1] == [
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "thinking", "thinking": "", "signature": ""},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "h"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "m"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "So: "}},
        {"type": "content_block_stop", "index": 1},
        {
            "type": "content_block_start",
            "index": 2,
            "content_block": {"type": "tool_use", "name": "weather", "input": {}},
        },
        {
            "type": "content_block_delta",
            "index": 2,
            "delta": {"type": "input_json_delta", "partial_json": CALL_TEXT},
        },
        {"type": "content_block_stop", "index": 2},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None},
            "usage": {
                "input_tokens": 7,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": 2,
            },
        },
    ]


def test_an_answer_in_one_object_has_the_same_blocks() -> None:
    answer = json.loads(
        MessagesDialect("m").whole([Delta(thinking="hm"), Delta("So"), Delta(": "), CALL], summary())
    )
    assert answer["content"][2].pop("id").startswith("toolu_")
    assert answer["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": ""},
        {"type": "text", "text": "So: "},
        {"type": "tool_use", "name": "weather", "input": {"city": "Köln"}},
    ]
    assert answer["stop_reason"] == "tool_use"


def test_an_answer_without_a_token_is_a_message_without_content() -> None:
    assert [event["type"] for event in streamed()] == [
        "message_start",
        "ping",
        "message_delta",
        "message_stop",
    ]


def test_tokens_from_the_cache_are_counted_apart() -> None:
    usage = streamed(Delta("x"), cached=5)[-2]["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"]) == (2, 5)


def test_the_stop_sequence_that_ended_the_answer_is_told() -> None:
    ended = replace(summary(), stop="END")
    answer = json.loads(MessagesDialect("m").whole([Delta("x")], ended))
    assert (answer["stop_reason"], answer["stop_sequence"]) == ("stop_sequence", "END")
    assert named_data_of(MessagesDialect("m").end(ended).decode())[0]["delta"]["stop_sequence"] == "END"


@pytest.mark.parametrize(("reason", "said"), [(DoneReason.LENGTH, "tool_use"), (DoneReason.STOP, "tool_use")])
def test_a_call_is_the_reason_before_all_others(reason: DoneReason, said: str) -> None:
    assert json.loads(MessagesDialect("m").whole([CALL], summary(reason)))["stop_reason"] == said


async def test_an_error_before_the_first_token_has_its_status_and_anthropics_envelope(
    service: MakeService,
) -> None:
    async with service() as s:
        response = await s.http.post(MESSAGES, json={"model": "nope", "messages": HI, "max_tokens": 9})
        assert response.status_code == 404
        error = {"type": "not_found_error", "message": "model 'nope' not found"}
        assert response.json() == {"type": "error", "error": error}


async def test_an_error_after_it_is_the_last_event_of_the_stream(service: MakeService) -> None:
    async with service() as s:
        body = {"model": "m:7b", "messages": HI, "max_tokens": 9, "stream": True}
        request = asyncio.create_task(s.http.post(MESSAGES, json=body))
        child = await s.spawn.child()
        child.start_up()
        await child.prompt()
        child.say(frames("Hel"))
        for _ in range(20):
            await asyncio.sleep(0)
        child.exit(139)
        last = named_data_of((await within(request)).text)[-1]
        assert (last["type"], last["error"]["type"]) == ("error", "api_error")
        assert "SIGSEGV" in last["error"]["message"]


@given(DELTAS)
def test_a_stream_and_one_object_hold_the_same_blocks(deltas: list[Delta]) -> None:
    whole = json.loads(MessagesDialect("m").whole(deltas, summary()))
    blocks: list[dict[str, Any]] = []
    is_open = False
    for event in streamed(*deltas)[2:-2]:
        match event:
            case {"type": "content_block_start", "index": index, "content_block": block}:
                assert (index, is_open) == (len(blocks), False)
                blocks.append(block)
                is_open = True
            case {"type": "content_block_delta", "index": index, "delta": delta}:
                assert (index, is_open) == (len(blocks) - 1, True)
                _grow(blocks[-1], delta)
            case _:
                assert event == {"type": "content_block_stop", "index": len(blocks) - 1}
                assert is_open
                is_open = False
    assert not is_open
    for block in (*blocks, *whole["content"]):
        block.pop("id", None)
    assert blocks == whole["content"]


def _grow(block: dict[str, Any], delta: dict[str, Any]) -> None:
    kind = delta["type"].removesuffix("_delta")
    if kind == "input_json":
        block["input"] = json.loads(delta["partial_json"])
    else:
        block[kind] += delta[kind]
