"""The server-sent events of a streamed chat completion → events, whatever the chunks are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from axm1_llm.answer.tools.calls import ToolCall

if TYPE_CHECKING:
    from collections.abc import Iterator

# A tool call comes in one event; more than this is no event.
MOST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Piece:
    """Text of the answer: what one token adds."""

    text: str


@dataclass(frozen=True, slots=True)
class Calls:
    """Tool calls, complete."""

    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True)
class Finish:
    """The answer is over; why, in OpenAI's words."""

    reason: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of the prompt and of the answer; 0 in builds that do not count."""

    prompt_tokens: int
    generated_tokens: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The server says no.

    Attributes:
        message: its words.
        status: of the response; 200 when it said so within the stream.
        kind: its word for the kind of error.
    """

    message: str
    status: int = 200
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """``[DONE]``: the server works on this prompt no more."""


@dataclass(frozen=True, slots=True)
class Broken:
    """What came is no answer, or the connection broke off."""

    reason: str


ChatEvent = Piece | Calls | Finish | Usage | Refused | Ended | Broken


class ChatStream:
    """Feed it chunks, get events."""

    def __init__(self) -> None:
        self._open = bytearray()  # a line that has not ended

    def feed(self, data: bytes) -> list[ChatEvent]:
        """The events that `data` completes, in order."""
        head, newline, rest = data.rpartition(b"\n")
        events: list[ChatEvent] = []
        if newline:
            events += (event for line in (self._open + head).split(b"\n") for event in _line(bytes(line)))
            self._open.clear()
        self._open += rest
        if len(self._open) > MOST_BYTES:
            self._open.clear()
            events.append(Broken("an event of its stream does not end"))
        return events


def _line(line: bytes) -> Iterator[ChatEvent]:
    name, _, value = line.strip().partition(b":")
    if name != b"data":
        return  # an empty line, a comment, or a field that says nothing here
    value = value.strip()
    if value == b"[DONE]":
        yield Ended()
        return
    try:
        yield from _chunk(orjson.loads(value))
    except (ValueError, LookupError, TypeError, AttributeError):
        yield Broken("an event of its stream is no chat completion chunk")


def _chunk(chunk: dict[str, Any]) -> Iterator[ChatEvent]:
    if "error" in chunk:
        yield refusal(chunk)
        return
    for choice in chunk["choices"]:
        delta = choice.get("delta") or {}
        if text := delta.get("content"):
            yield Piece(str(text))
        if calls := delta.get("tool_calls"):
            yield Calls(tuple(_call(call["function"]) for call in calls))
        if reason := choice.get("finish_reason"):
            yield Finish(str(reason))
    if usage := chunk.get("usage"):
        yield Usage(int(usage["prompt_tokens"]), int(usage["completion_tokens"]))


def _call(function: dict[str, Any]) -> ToolCall:
    arguments = function.get("arguments") or "{}"
    found = orjson.loads(arguments) if isinstance(arguments, str) else arguments
    return ToolCall(str(function["name"]), dict(found))


def refusal(body: object, status: int = 200) -> Refused:
    """What an error body says, in OpenAI's form or any other."""
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, dict):
        return Refused(str(error.get("message") or error), status, str(error.get("type") or ""))
    return Refused(str(error or f"it answered with status {status}"), status)
