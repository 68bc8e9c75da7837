"""`/api/generate` and `/api/chat` on the wire: NDJSON, or one object."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import orjson

from axm1_llm.api.declared import NDJSON
from axm1_llm.api.errors import error_text
from axm1_llm.api.wire import call_id, rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axm1_llm.answer.tools.calls import ToolCall
    from axm1_llm.engine import Delta, Summary
    from axm1_llm.errors import Axm1Error


class _OllamaDialect(ABC):
    """What both have in common: a line for each token, then one with the figures.

    Args:
        model: the name as the client wrote it.
    """

    media_type = NDJSON

    def __init__(self, model: str) -> None:
        self._model = model

    @abstractmethod
    def content(self, deltas: Sequence[Delta]) -> dict[str, Any]:
        """The fields that hold the text of these deltas."""

    def begin(self, _: int | None) -> bytes:
        """Nothing."""
        return b""

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """A line for each token; those that came together share one time."""
        head = {"model": self._model, "created_at": rfc3339()}
        lines = ({**head, **self.content((delta,)), "done": False} for delta in deltas)
        return b"".join(orjson.dumps(line) + b"\n" for line in lines)

    def end(self, summary: Summary) -> bytes:
        """The line with the figures."""
        return self.whole((), summary) + b"\n"

    def error(self, error: Axm1Error) -> bytes:
        """The line that ends a stream that failed; the status was sent long ago."""
        return orjson.dumps({"error": error_text(error)}) + b"\n"

    def whole(self, deltas: Sequence[Delta], summary: Summary) -> bytes:
        """The answer as one object."""
        return orjson.dumps(
            {**self._final(deltas, summary.done_reason.value), **_figures(summary)},
        )

    def silent(self, reason: str) -> bytes:
        """One object without an answer: the model was loaded, or unloaded."""
        return orjson.dumps(self._final((), reason))

    def _final(self, deltas: Sequence[Delta], reason: str) -> dict[str, Any]:
        return {
            "model": self._model,
            "created_at": rfc3339(),
            **self.content(deltas),
            "done": True,
            "done_reason": reason,
        }


class GenerateDialect(_OllamaDialect):
    """`/api/generate`: the text is in `response`."""

    def content(self, deltas: Sequence[Delta]) -> dict[str, Any]:
        """`response`, and `thinking` where there is some."""
        return _texts("response", deltas)


class ChatDialect(_OllamaDialect):
    """`/api/chat`: the text is in `message`, which is never without `content`."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self._calls = 0

    def content(self, deltas: Sequence[Delta]) -> dict[str, Any]:
        """`message`, with `thinking` and `tool_calls` where there are some."""
        message: dict[str, Any] = {"role": "assistant", **_texts("content", deltas)}
        calls = [self._call(delta.tool_call) for delta in deltas if delta.tool_call is not None]
        if calls:
            message["tool_calls"] = calls
        return {"message": message}

    def _call(self, call: ToolCall) -> dict[str, Any]:
        index, self._calls = self._calls, self._calls + 1
        function = {"index": index, "name": call.name, "arguments": dict(call.arguments)}
        return {"id": call_id(), "function": function}


def _texts(key: str, deltas: Sequence[Delta]) -> dict[str, str]:
    thinking = "".join(delta.thinking for delta in deltas)
    return {
        key: "".join(delta.text for delta in deltas),
        **({"thinking": thinking} if thinking else {}),
    }


def _figures(summary: Summary) -> dict[str, int]:
    return {
        "total_duration": summary.total,
        "load_duration": summary.load,
        "prompt_eval_count": summary.prompt_tokens,
        "prompt_eval_duration": summary.prefill,
        "eval_count": summary.generated_tokens,
        "eval_duration": summary.decode,
    }
