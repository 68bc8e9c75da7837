"""What each model can do: as its owner says, or as its chat template shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from axm1_llm.answer.thinking import shows_thinking
from axm1_llm.answer.tools.calls import ToolFormat
from axm1_llm.answer.tools.detect import tool_format
from axm1_llm.errors import Axm1Error

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from axm1_llm.descriptors import ModelDescriptor

COMPLETION, TOOLS, THINKING, VISION, EMBEDDING, INSERT = (
    "completion",
    "tools",
    "thinking",
    "vision",
    "embedding",
    "insert",
)
"""Ollama's words for capabilities."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What one model can do.

    Attributes:
        names: capabilities in Ollama's words.
        template: the text of its chat template; empty when it has none, or none that is known here.
        tool_format: how it writes tool calls.
    """

    names: tuple[str, ...]
    template: str = ""
    tool_format: ToolFormat | None = None


class AbilityBook:
    """Looks the abilities of models up, each once.

    Args:
        read_template: the chat template's text of a model; None when its tokenizer keeps it to itself.
    """

    def __init__(self, read_template: Callable[[ModelDescriptor], Awaitable[str | None]]) -> None:
        self._read_template = read_template
        # By name, with the very descriptor that they were read for: a reload may bring another.
        self._known: dict[str, tuple[ModelDescriptor, Abilities]] = {}

    async def of(self, descriptor: ModelDescriptor, template: str | None = None) -> Abilities:
        """The abilities of a model; never fails: what cannot be read now is asked for again later.

        Args:
            descriptor: the model.
            template: a chat template in place of its own; with it the model writes calls as that says.
        """
        if template:
            return abilities_of(descriptor, template)
        return await self._own(descriptor)

    async def _own(self, descriptor: ModelDescriptor) -> Abilities:
        known = self._known.get(descriptor.model_name)
        if known is not None and known[0] is descriptor:
            return known[1]
        try:
            template = await self._read_template(descriptor) or ""
        except Axm1Error as error:
            structlog.get_logger().warning(
                "abilities_unknown", model=descriptor.model_name, reason=str(error)
            )
            return abilities_of(descriptor, "")
        found = abilities_of(descriptor, template)
        self._known[descriptor.model_name] = (descriptor, found)
        return found


def abilities_of(descriptor: ModelDescriptor, template: str) -> Abilities:
    """What the descriptor says, and where it says nothing, what the template shows."""
    syntax = _tool_format(descriptor, template)
    names: tuple[str, ...] = descriptor.capabilities or tuple(
        name
        for name, there in (
            (COMPLETION, True),
            (TOOLS, syntax is not None),
            (THINKING, shows_thinking(template)),
            (VISION, descriptor.dialect == "vision"),
        )
        if there
    )
    return Abilities(names, template, syntax if TOOLS in names else None)


def _tool_format(descriptor: ModelDescriptor, template: str) -> ToolFormat | None:
    if descriptor.runtime == "axllm":
        return None  # its server takes tools and gives calls by itself
    syntax = tool_format(template)
    if syntax is None and TOOLS in descriptor.capabilities:
        # Its owner says that it can, and its script keeps its template to itself: the most common way.
        return ToolFormat.HERMES
    return syntax
