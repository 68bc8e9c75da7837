"""The blocks of a message: opened, filled, closed, and the events that tell of each step."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axm1_llm.answer.tools.calls import ToolCall
    from axm1_llm.engine import Delta

    Event = dict[str, Any]


@dataclass(slots=True)
class Blocks:
    """A message's blocks as the answer comes.

    Attributes:
        complete: those that nothing is added to any more.
    """

    complete: list[Event] = field(default_factory=list)
    _kind: str = ""  # of the open block; empty: none is open
    _texts: list[str] = field(default_factory=list)

    def add(self, delta: Delta) -> Iterator[Event]:
        """The events of one delta."""
        if delta.thinking:
            yield from self._fill("thinking", delta.thinking)
        if delta.text:
            yield from self._fill("text", delta.text)
        if delta.tool_call is not None:
            yield from self.close()
            yield from self._call(delta.tool_call)

    def close(self) -> Iterator[Event]:
        """The event that ends the open block, if there is one."""
        if self._kind:
            block = _block(self._kind, "".join(self._texts))
            self._kind, self._texts = "", []
            yield from self._end(block)

    def _fill(self, kind: str, text: str) -> Iterator[Event]:
        if self._kind != kind:
            yield from self.close()
            self._kind = kind
            yield self._start(_block(kind, ""))
        self._texts.append(text)
        yield self._delta({"type": f"{kind}_delta", kind: text})

    def _call(self, call: ToolCall) -> Iterator[Event]:
        arguments = dict(call.arguments)
        block = {"type": "tool_use", "id": f"toolu_{secrets.token_hex(12)}", "name": call.name}
        yield self._start({**block, "input": {}})
        yield self._delta({"type": "input_json_delta", "partial_json": orjson.dumps(arguments).decode()})
        yield from self._end({**block, "input": arguments})

    def _start(self, block: Event) -> Event:
        return {"type": "content_block_start", "index": len(self.complete), "content_block": block}

    def _delta(self, delta: Event) -> Event:
        return {"type": "content_block_delta", "index": len(self.complete), "delta": delta}

    def _end(self, block: Event) -> Iterator[Event]:
        yield {"type": "content_block_stop", "index": len(self.complete)}
        self.complete.append(block)


def _block(kind: str, text: str) -> Event:
    # Clients read a signature of every thinking block and send it back; nobody here checks it.
    return {"type": kind, kind: text, **({"signature": ""} if kind == "thinking" else {})}
