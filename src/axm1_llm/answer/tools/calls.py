"""What a tool call is, whichever family's syntax it came in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model asks for.

    Attributes:
        name: of the tool.
        arguments: its arguments, as JSON values.
    """

    name: str
    arguments: Mapping[str, object]


class ToolFormat(StrEnum):
    """How a family of models writes a call."""

    HERMES = "hermes"  # <tool_call>{"name": …, "arguments": {…}}</tool_call>: Qwen2.5, Qwen3, Hermes
    LLAMA = "llama"  # {"name": …, "parameters": {…}}, perhaps behind <|python_tag|>: Llama 3.x
    MISTRAL = "mistral"  # [TOOL_CALLS][{"name": …, "arguments": {…}}]
    DEEPSEEK = "deepseek"  # tokens of their own around each call, its name and a fenced JSON


def tool_names(tools: Sequence[Mapping[str, object]]) -> frozenset[str]:
    """The names of tools in OpenAI's shape; what has another shape has no name."""
    functions = [tool.get("function") for tool in tools]
    names = [function.get("name") for function in functions if isinstance(function, Mapping)]
    return frozenset(name for name in names if isinstance(name, str))
