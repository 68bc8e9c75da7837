"""Tool calls, told apart from text as an answer streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from axm1_llm.answer.tools.calls import ToolCall, ToolFormat


class ToolCallParser:
    """Splits the text of an answer into text and calls.

    Args:
        syntax: how this model writes a call.
        names: the tools that it was offered; nothing else is a call.
    """

    def __init__(self, syntax: ToolFormat, names: frozenset[str]) -> None:
        self._syntax = syntax
        self._names = names

    def feed(self, text: str) -> list[str | ToolCall]:
        """What `text` adds, in order: text that is certain to be no part of a call, and complete calls."""
        return [text]

    def flush(self) -> list[str | ToolCall]:
        """What was held back, once the answer is over; a call that is not complete is text."""
        return []
