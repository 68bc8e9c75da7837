"""The items of a response: opened, filled, closed, and the events that tell of each step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from axm1_llm.api.openai.wire import arguments_text, new_id
from axm1_llm.api.wire import call_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axm1_llm.answer.tools.calls import ToolCall
    from axm1_llm.engine import Delta

    Event = dict[str, Any]
    """What an event holds besides its number."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of item that holds one text, and the names that its events have.

    Attributes:
        prefix: of its ids.
        events: what its text's events are called.
        part_events: what its part's events are called.
        place: which part of the item is meant; items here have one.
        delta: what a delta of its text holds besides.
    """

    prefix: str
    events: str
    part_events: str
    place: dict[str, int]
    delta: dict[str, object]

    def part(self, text: str) -> dict[str, object]:
        if self is _REASONING:
            return {"type": "summary_text", "text": text}
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

    def item(self, name: str, status: str, parts: list[dict[str, object]]) -> dict[str, object]:
        if self is _REASONING:
            return {"id": name, "type": "reasoning", "status": status, "summary": parts}
        return {"id": name, "type": "message", "status": status, "role": "assistant", "content": parts}


_MESSAGE = _Kind(
    "msg_", "response.output_text", "response.content_part", {"content_index": 0}, {"logprobs": []}
)
_REASONING = _Kind(
    "rs_", "response.reasoning_summary_text", "response.reasoning_summary_part", {"summary_index": 0}, {}
)


@dataclass(slots=True)
class _Open:
    """The item that text is added to now."""

    kind: _Kind
    name: str
    texts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Items:
    """A response's items as the answer comes.

    Attributes:
        complete: those that nothing is added to any more.
    """

    complete: list[Event] = field(default_factory=list)
    _open: _Open | None = None

    def add(self, delta: Delta) -> Iterator[Event]:
        """The events of one delta."""
        if delta.thinking:
            yield from self._fill(_REASONING, delta.thinking)
        if delta.text:
            yield from self._fill(_MESSAGE, delta.text)
        if delta.tool_call is not None:
            yield from self.close()
            yield from self._call(delta.tool_call)

    def close(self, status: str = "completed") -> Iterator[Event]:
        """The events that end the open item, if there is one."""
        if self._open is None:
            return
        kind, name, text = self._open.kind, self._open.name, "".join(self._open.texts)
        at, part = self._place(name), kind.part(text)
        item = kind.item(name, status, [part])
        yield {"type": f"{kind.events}.done", **at, **kind.place, "text": text, **kind.delta}
        yield {"type": f"{kind.part_events}.done", **at, **kind.place, "part": part}
        yield {"type": "response.output_item.done", "output_index": len(self.complete), "item": item}
        self._open = None
        self.complete.append(item)

    def _fill(self, kind: _Kind, text: str) -> Iterator[Event]:
        if self._open is None or self._open.kind is not kind:
            yield from self.close()
            yield from self._begin(kind)
        assert self._open is not None  # noqa: S101 - it was opened just now
        self._open.texts.append(text)
        at = self._place(self._open.name)
        yield {"type": f"{kind.events}.delta", **at, **kind.place, "delta": text, **kind.delta}

    def _begin(self, kind: _Kind) -> Iterator[Event]:
        self._open = _Open(kind, new_id(kind.prefix))
        item = kind.item(self._open.name, "in_progress", [])
        yield {"type": "response.output_item.added", "output_index": len(self.complete), "item": item}
        at = self._place(self._open.name)
        yield {"type": f"{kind.part_events}.added", **at, **kind.place, "part": kind.part("")}

    def _call(self, call: ToolCall) -> Iterator[Event]:
        arguments = arguments_text(call)
        begun: Event = {
            "id": new_id("fc_"),
            "type": "function_call",
            "status": "in_progress",
            "call_id": call_id(),
            "name": call.name,
            "arguments": "",
        }
        item: Event = {**begun, "status": "completed", "arguments": arguments}
        at = self._place(begun["id"])
        index = len(self.complete)
        yield {"type": "response.output_item.added", "output_index": index, "item": begun}
        yield {"type": "response.function_call_arguments.delta", **at, "delta": arguments}
        whole = {"name": call.name, "arguments": arguments}
        yield {"type": "response.function_call_arguments.done", **at, **whole}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
        self.complete.append(item)

    def _place(self, name: str) -> Event:
        return {"item_id": name, "output_index": len(self.complete)}
