"""What comes from the server, and what goes to it, without a server."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axm1_llm.answer.tools.calls import ToolCall
from axm1_llm.engine import GenerationRequest
from axm1_llm.engine.axllm.refusals import error_of, is_too_long
from axm1_llm.engine.axllm.request import chat_body, tries
from axm1_llm.engine.axllm.stream import (
    MOST_BYTES,
    Broken,
    Calls,
    ChatEvent,
    ChatStream,
    Ended,
    Finish,
    Piece,
    Refused,
    Usage,
)
from axm1_llm.errors import ModelError, RequestError, UnsupportedError
from axm1_llm.tokenizer.prompts import Message, PromptSpec


def sse(*payloads: Any) -> bytes:
    return b"".join(f"data: {json.dumps(payload)}\n\n".encode() for payload in payloads)


def delta(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"role": "assistant", **fields}, "finish_reason": None}]}


def finish(reason: str = "stop", **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}], **more}


def read(data: bytes) -> list[ChatEvent]:
    return ChatStream().feed(data)


@given(
    st.lists(st.text(min_size=1).filter(lambda text: "\n" not in text), max_size=5),
    st.lists(st.integers(0, 400)),
)
def test_the_pieces_are_the_same_however_the_bytes_are_cut(texts: list[str], cuts: list[int]) -> None:
    data = sse(*(delta(content=text) for text in texts), finish()) + b"data: [DONE]\n\n"
    borders = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    stream = ChatStream()
    events = [event for start, end in itertools.pairwise(borders) for event in stream.feed(data[start:end])]
    assert events == [*(Piece(text) for text in texts), Finish("stop"), Ended()]


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists) | st.dictionaries(st.text(), st.none()))
def test_no_json_raises(payload: Any) -> None:
    assert all(isinstance(event, Broken | Refused | Usage) for event in read(sse(payload)))


def test_figures_come_with_the_end_or_behind_it() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    assert read(sse(finish(usage=usage))) == [Finish("stop"), Usage(3, 4)]
    assert read(sse({"choices": [], "usage": usage})) == [Usage(3, 4)]


def test_arguments_of_calls_are_read_as_text_and_as_object() -> None:
    calls = [{"function": {"name": "a", "arguments": '{"x": 1}'}}, {"function": {"name": "b"}}]
    assert read(sse(delta(tool_calls=calls))) == [Calls((ToolCall("a", {"x": 1}), ToolCall("b", {})))]
    (event,) = read(sse(delta(tool_calls=[{"function": {"name": "a", "arguments": "{bad"}}])))
    assert isinstance(event, Broken)


def test_comments_and_other_fields_say_nothing() -> None:
    assert read(b": ping\r\nevent: x\r\n\r\ndata: [DONE]\r\n") == [Ended()]


def test_an_event_without_end_is_given_up() -> None:
    stream = ChatStream()
    assert stream.feed(b"data: " + b"x" * MOST_BYTES) == [Broken("an event of its stream does not end")]
    assert stream.feed(b"data: [DONE]\n") == [Ended()]


def test_refusals_within_the_stream_have_the_servers_words() -> None:
    error = {"error": {"message": "no", "type": "model_error"}}
    assert read(sse(error)) == [Refused("no", 200, "model_error")]


@pytest.mark.parametrize(
    ("refusal", "kind", "words"),
    [
        (Refused("当前会话上下文已超过该模型的长度上限"), RequestError, "context of 99 tokens of model 'm'"),
        (Refused("Model 'x' does not support image inputs", 400), UnsupportedError, "vision"),
        (Refused("Model 'x' is not available", 400), UnsupportedError, '"m" does not support embeddings'),
        (Refused("Failed to parse", 200, "invalid_request_error"), RequestError, "Failed to parse"),
        (Refused("it broke", 200, "model_error"), ModelError, "the server failed: it broke"),
        (Refused("context lost", 500), ModelError, "the server failed: context lost"),
    ],
)
def test_refusals_become_errors_in_the_users_terms(
    refusal: Refused, kind: type[Exception], words: str
) -> None:
    error = error_of(refusal, "m", 99, "embeddings")
    assert type(error) is kind
    assert words in str(error)
    assert is_too_long(refusal) == ("shorten" in str(error))


def body_of(request: GenerationRequest, limit: int | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(chat_body(request, request.prompt.messages, "served", limit))
    return found


USER = PromptSpec((Message("user", "hi"),))


def test_what_is_not_wanted_is_not_in_the_request() -> None:
    assert body_of(GenerationRequest(USER)) == {
        "model": "served",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_the_shortest_limit_is_sent() -> None:
    assert body_of(GenerationRequest(USER), 2048)["max_tokens"] == 2048
    assert body_of(GenerationRequest(USER, num_predict=7), 2048)["max_tokens"] == 7


def test_stops_and_levels_of_thinking_are_sent_in_the_servers_form() -> None:
    wanted = GenerationRequest(PromptSpec(USER.messages, think="high"), stops=("a", "b"))
    body = body_of(wanted)
    assert (body["stop"], body["enable_thinking"]) == (["a", "b"], True)


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (b"\x89PNG\r\n", "png"),
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"RIFF0000WEBPVP8 ", "webp"),
        (b"BM00", "bmp"),
        (b"GIF89a", "gif"),
        (b"?", "jpeg"),
    ],
)
def test_pictures_name_their_own_format(image: bytes, kind: str) -> None:
    body = body_of(GenerationRequest(USER, images=(image,)))
    (shown, text) = body["messages"][0]["content"]
    assert shown["image_url"]["url"].startswith(f"data:image/{kind};base64,")
    assert text == {"type": "text", "text": "hi"}


@given(st.integers(1, 400))
def test_a_conversation_is_shortened_in_few_steps_down_to_its_last_turn(pairs: int) -> None:
    turns = [Message(role, str(at)) for at in range(pairs) for role in ("user", "assistant")]
    tried = list(tries(PromptSpec((Message("system", "s"), *turns, Message("user", "last")))))
    assert len(tried) <= 12
    kept = [found for found in tried if found is not None]
    assert len(kept) == len(tried)
    lengths = [len(found) for found in kept]
    assert lengths == sorted(set(lengths), reverse=True)
    assert lengths[0] == 2 * pairs + 2
    assert [turn.content for turn in kept[-1]] == ["s", "last"]


def test_what_must_not_be_cut_is_tried_once() -> None:
    assert list(tries(PromptSpec(USER.messages, truncate=False))) == [USER.messages]
    assert list(tries(PromptSpec(text="raw"))) == [None]
