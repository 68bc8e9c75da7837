"""A response on the wire."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import orjson

from axm1_llm.api import sse
from axm1_llm.api.errors import error_text
from axm1_llm.api.openai.responses.items import Items
from axm1_llm.api.openai.wire import new_id
from axm1_llm.engine import DoneReason

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from axm1_llm.api.openai.responses.bodies import ResponsesBody
    from axm1_llm.engine import Delta, Summary
    from axm1_llm.errors import Axm1Error


class ResponsesDialect:
    """`/v1/responses`: numbered events, or one object."""

    media_type = sse.MEDIA_TYPE

    def __init__(self, body: ResponsesBody) -> None:
        self._base = _base(body)
        self._items = Items()
        self._sent = 0

    def begin(self, _: int | None) -> bytes:
        """The events that say that it has begun."""
        response = self._response("in_progress")
        kinds = ("response.created", "response.in_progress")
        return self._events([{"type": kind, "response": response} for kind in kinds])

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """The events of the deltas, in order."""
        return b"".join([self._events(self._items.add(delta)) for delta in deltas])

    def end(self, summary: Summary) -> bytes:
        """The events that end the last item, and the whole response once more."""
        closing = self._events(self._items.close(_status(summary)))
        response = self._ended(summary)
        return closing + self._events([{"type": f"response.{response['status']}", "response": response}])

    def error(self, error: Axm1Error) -> bytes:
        """The event that says that it failed."""
        reason = {"code": "server_error", "message": error_text(error)}
        response = self._response("failed", error=reason)
        return self._events([{"type": "response.failed", "response": response}])

    def whole(self, deltas: Sequence[Delta], summary: Summary) -> bytes:
        """The answer as one object."""
        for delta in deltas:
            for _ in self._items.add(delta):
                pass
        for _ in self._items.close(_status(summary)):
            pass
        return orjson.dumps(self._ended(summary))

    def _ended(self, summary: Summary) -> dict[str, Any]:
        status = _status(summary)
        why = {"reason": "max_output_tokens"} if status == "incomplete" else None
        return self._response(status, incomplete_details=why, usage=_usage(summary))

    def _response(self, status: str, **changes: object) -> dict[str, Any]:
        done = int(time.time()) if status == "completed" else None
        output = self._items.complete
        return {**self._base, "status": status, "completed_at": done, "output": output, **changes}

    def _events(self, events: Iterable[dict[str, Any]]) -> bytes:
        return b"".join([sse.named_event({**event, "sequence_number": self._next()}) for event in events])

    def _next(self) -> int:
        self._sent += 1
        return self._sent - 1


def _base(body: ResponsesBody) -> dict[str, Any]:
    """What the response says of itself and of the request, in the order of OpenAI's reference."""
    form = body.text.format if body.text else None
    return {
        "id": new_id("resp_"),
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "completed_at": None,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "model": body.model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": body.reasoning.effort if body.reasoning else None, "summary": None},
        "store": False,
        "temperature": body.temperature,
        "text": {"format": form.model_dump(by_alias=True, exclude_none=True) if form else {"type": "text"}},
        "tool_choice": "auto" if body.tool_choice is None else body.tool_choice,
        "tools": [tool.model_dump() for tool in body.tools or ()],
        "top_p": body.top_p,
        "truncation": body.truncation or "auto",
        "usage": None,
        "metadata": body.metadata or {},
    }


def _status(summary: Summary) -> str:
    return "incomplete" if summary.done_reason is DoneReason.LENGTH else "completed"


def _usage(summary: Summary) -> dict[str, object]:
    return {
        "input_tokens": summary.prompt_tokens,
        "input_tokens_details": {"cached_tokens": summary.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": summary.generated_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": summary.prompt_tokens + summary.generated_tokens,
    }
