"""A chat's answer on the wire."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import orjson

from axm1_llm.api import sse
from axm1_llm.api.openai.wire import FINGERPRINT, arguments_text, error_object, new_id, usage
from axm1_llm.api.wire import call_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axm1_llm.answer.tools.calls import ToolCall
    from axm1_llm.engine import Delta, Summary
    from axm1_llm.errors import Axm1Error

_DONE = sse.data_event(b"[DONE]")
_BEHIND_DELTA = b',"logprobs":null,"finish_reason":null}]}'


class ChatDialect:
    """`/v1/chat/completions`: server-sent chunks, or one object.

    Args:
        model: the name as the client wrote it.
        include_usage: whether the stream closes with a chunk of figures.
    """

    media_type = sse.MEDIA_TYPE

    def __init__(self, model: str, *, include_usage: bool) -> None:
        self._include_usage = include_usage
        self._calls = 0
        self._head = {
            "id": new_id("chatcmpl-"),
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": FINGERPRINT,
        }
        chunk = orjson.dumps({**self._head, "object": "chat.completion.chunk"})
        # All chunks of a stream have this in common: it is put into JSON once.
        self._before = chunk[:-1] + b',"choices":[{"index":0,"delta":'
        self._no_choice = chunk[:-1] + b',"choices":[],"usage":'

    def begin(self, _: int | None) -> bytes:
        """The chunk that says who speaks."""
        return self._chunk({"role": "assistant", "content": ""})

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """A chunk for each delta."""
        return b"".join([self._chunk(self._delta(delta)) for delta in deltas])

    def end(self, summary: Summary) -> bytes:
        """The chunk with the reason, that with the figures, and the mark that closes the stream."""
        reason = orjson.dumps(self._finish_reason(summary))
        last = sse.data_event(self._before + b'{},"logprobs":null,"finish_reason":' + reason + b"}]}")
        figures = sse.data_event(self._no_choice + orjson.dumps(usage(summary)) + b"}")
        return last + (figures if self._include_usage else b"") + _DONE

    def error(self, error: Axm1Error) -> bytes:
        """The event that ends a stream that failed."""
        return sse.data_event(orjson.dumps(error_object(error)))

    def whole(self, deltas: Sequence[Delta], summary: Summary) -> bytes:
        """The answer as one object."""
        calls = [self._call(delta.tool_call) for delta in deltas if delta.tool_call is not None]
        reasoning = "".join([delta.thinking for delta in deltas])
        message = {
            "role": "assistant",
            # Ollama's is never null either; clients that join strings rely on it.
            "content": "".join([delta.text for delta in deltas]),
            **({"reasoning": reasoning} if reasoning else {}),
            **({"tool_calls": calls} if calls else {}),
        }
        reason = self._finish_reason(summary)
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
        content = {**self._head, "object": "chat.completion", "choices": [choice], "usage": usage(summary)}
        return orjson.dumps(content)

    def _chunk(self, delta: dict[str, object]) -> bytes:
        return sse.data_event(self._before + orjson.dumps(delta) + _BEHIND_DELTA)

    def _delta(self, delta: Delta) -> dict[str, object]:
        if delta.tool_call is not None:
            index = self._calls
            return {"tool_calls": [{"index": index, **self._call(delta.tool_call)}]}
        if not delta.thinking:
            return {"content": delta.text}
        return {"reasoning": delta.thinking, **({"content": delta.text} if delta.text else {})}

    def _call(self, call: ToolCall) -> dict[str, object]:
        self._calls += 1
        function = {"name": call.name, "arguments": arguments_text(call)}
        return {"id": call_id(), "type": "function", "function": function}

    def _finish_reason(self, summary: Summary) -> str:
        return "tool_calls" if self._calls else summary.done_reason.value
