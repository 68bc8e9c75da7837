"""Turns and tools under the names that chat templates look for, whatever a dialect calls them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from axm1_llm.answer.tools.calls import tool_names
from axm1_llm.errors import RequestError
from axm1_llm.tokenizer.prompts import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class PastCall:
    """A tool call that the model made in an earlier turn.

    Attributes:
        id: ties the tool's result to it.
        name: of the tool.
        arguments: as JSON values.
    """

    id: str
    name: str
    arguments: Mapping[str, object]


@dataclass(slots=True)
class Conversation:
    """Collects the turns of a request, oldest first.

    Attributes:
        turns: so far.
        images: pictures of the newest turn that has a user's words or a tool's result.
    """

    turns: list[Message] = field(default_factory=list)
    images: list[bytes] = field(default_factory=list)
    _tools: dict[str, str] = field(default_factory=dict)  # call id -> name of its tool

    def system(self, content: str) -> None:
        """Add instructions; nothing when there are none."""
        if content:
            self.turns.append(Message("system", content))

    def user(self, content: str, images: Iterable[bytes] = ()) -> None:
        """Add what the user said and showed."""
        self.turns.append(Message("user", content))
        self.images = list(images)

    def assistant(self, content: str, thinking: str = "", calls: Sequence[PastCall] = ()) -> None:
        """Add what the model said, thought and called; joined to the turn before it if it has not ended.

        Some APIs hand the parts of one turn over one by one; templates know a turn only as a whole.
        """
        before = self.turns.pop() if self._is_open(content) else Message("assistant", "")
        thoughts = str(before.extra.get("thinking", "")) + thinking
        called = [*_called(before), *(_template_call(call) for call in calls)]
        extra = {
            **({"thinking": thoughts} if thoughts else {}),
            **({"tool_calls": called} if called else {}),
        }
        self._tools |= {call.id: call.name for call in calls}
        self.turns.append(Message("assistant", before.content + content, extra))

    def tool(self, call_id: str, content: str, images: Iterable[bytes] = (), name: str = "") -> None:
        """Add what a tool answered."""
        name = name or self._tools.get(call_id, "")
        extra = {"tool_call_id": call_id} | ({"name": name, "tool_name": name} if name else {})
        self.turns.append(Message("tool", content, extra))
        self.images += images

    def _is_open(self, content: str) -> bool:
        """Whether the newest turn is the model's and `content` can belong to it."""
        if not self.turns or self.turns[-1].role != "assistant":
            return False
        return not content or not (self.turns[-1].content or _called(self.turns[-1]))


def function_tool(
    name: str, description: str | None, parameters: Mapping[str, object] | None
) -> Mapping[str, object]:
    """A tool as the templates take it: OpenAI's shape."""
    function = {
        "name": name,
        "description": description or "",
        # Some templates walk through the properties without a look whether there are any.
        "parameters": parameters or {"type": "object", "properties": {}},
    }
    return {"type": "function", "function": function}


def only_tool(tools: Sequence[Mapping[str, object]], name: str) -> tuple[Mapping[str, object], ...]:
    """The one tool that the client wants to be called.

    The model cannot be forced to call it, but it is offered nothing else.

    Raises:
        RequestError: it is not among them.
    """
    chosen = tuple(tool for tool in tools if name in tool_names((tool,)))
    if not chosen:
        raise RequestError(f"tool_choice names '{name}', which is not among the tools")
    return chosen


def _called(turn: Message) -> list[object]:
    calls = turn.extra.get("tool_calls", [])
    return calls if isinstance(calls, list) else []


def _template_call(call: PastCall) -> dict[str, object]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}
