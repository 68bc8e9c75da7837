"""A message on the wire."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import orjson

from axm1_llm.api import sse
from axm1_llm.api.anthropic.blocks import Blocks
from axm1_llm.api.envelopes import anthropic_error
from axm1_llm.api.errors import error_text, status_of
from axm1_llm.engine import DoneReason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from axm1_llm.engine import Delta, Summary
    from axm1_llm.errors import Axm1Error


class MessagesDialect:
    """`/v1/messages`: named events, or one object.

    Args:
        model: the name as the client wrote it.
    """

    media_type = sse.MEDIA_TYPE

    def __init__(self, model: str) -> None:
        self._blocks = Blocks()
        self._message: dict[str, Any] = {
            "id": f"msg_{secrets.token_hex(12)}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }

    def begin(self, prompt_tokens: int | None) -> bytes:
        """The message without its content."""
        message = {**self._message, "usage": _figures(prompt_tokens or 0, 0, 0)}
        return _events([{"type": "message_start", "message": message}, {"type": "ping"}])

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """The events of the deltas, in order."""
        return b"".join([_events(self._blocks.add(delta)) for delta in deltas])

    def end(self, summary: Summary) -> bytes:
        """The events that end the last block and the message."""
        closing = _events(self._blocks.close())
        delta = {"type": "message_delta", "delta": self._why(summary), "usage": _usage(summary)}
        return closing + _events([delta, {"type": "message_stop"}])

    def error(self, error: Axm1Error) -> bytes:
        """The event that ends a stream that failed."""
        return _events([anthropic_error(status_of(error), error_text(error))])

    def whole(self, deltas: Sequence[Delta], summary: Summary) -> bytes:
        """The answer as one object."""
        for delta in deltas:
            for _ in self._blocks.add(delta):
                pass
        for _ in self._blocks.close():
            pass
        ending = {**self._why(summary), "usage": _usage(summary)}
        return orjson.dumps({**self._message, "content": self._blocks.complete, **ending})

    def _why(self, summary: Summary) -> dict[str, str | None]:
        if any(block["type"] == "tool_use" for block in self._blocks.complete):
            return {"stop_reason": "tool_use", "stop_sequence": None}
        if summary.stop is not None:
            return {"stop_reason": "stop_sequence", "stop_sequence": summary.stop}
        limited = summary.done_reason is DoneReason.LENGTH
        return {"stop_reason": "max_tokens" if limited else "end_turn", "stop_sequence": None}


def _events(events: Iterable[dict[str, Any]]) -> bytes:
    return b"".join([sse.named_event(event) for event in events])


def _usage(summary: Summary) -> dict[str, int]:
    return _figures(summary.prompt_tokens, summary.cached_tokens, summary.generated_tokens)


def _figures(prompt: int, cached: int, generated: int) -> dict[str, int]:
    """The three kinds of input tokens add up to the prompt."""
    return {
        "input_tokens": prompt - cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": generated,
    }
