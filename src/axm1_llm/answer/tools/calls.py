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
    MISTRAL = "mistral"  # [TOOL_CALLS][{"name": …, "arguments": {…}}], or [TOOL_CALLS]name[ARGS]{…}
    DEEPSEEK = "deepseek"  # tokens of their own around each call, its name and a fenced JSON


def tool_names(tools: Sequence[Mapping[str, object]]) -> frozenset[str]:
    """The names of tools in OpenAI's shape; what has another shape has no name."""
    functions = [tool.get("function") for tool in tools]
    names = [function.get("name") for function in functions if isinstance(function, Mapping)]
    return frozenset(name for name in names if isinstance(name, str))


def text_parameters(tools: Sequence[Mapping[str, object]]) -> frozenset[tuple[str, str]]:
    """(tool, parameter) of each parameter that is declared as a string, of tools in OpenAI's shape.

    Formats that write values without quotes do not tell a number from a text that looks like one.
    """
    found = set()
    for tool in tools:
        function = _mapping(tool.get("function"))
        properties = _mapping(_mapping(function.get("parameters")).get("properties"))
        for parameter, schema in properties.items():
            if _mapping(schema).get("type") == "string":
                found.add((str(function.get("name")), parameter))
    return frozenset(found)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
