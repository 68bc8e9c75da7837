"""Tools as text for a system prompt, for models whose chat template does not show them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from axm1_llm.answer.tools.calls import ToolFormat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_HEAD = "You can call functions. These are the functions that there are, one a line:"
_HOW = "To call a function, answer with this and nothing else, with its name and its arguments as JSON:"
_EXAMPLES = {
    ToolFormat.HERMES: '<tool_call>\n{"name": "NAME", "arguments": {"ARGUMENT": "VALUE"}}\n</tool_call>',
    ToolFormat.LLAMA: '{"name": "NAME", "parameters": {"ARGUMENT": "VALUE"}}',
    ToolFormat.MISTRAL: '[TOOL_CALLS][{"name": "NAME", "arguments": {"ARGUMENT": "VALUE"}}]',
    ToolFormat.DEEPSEEK: (
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME\n"  # noqa: RUF001 - DeepSeek's
        '```json\n{"ARGUMENT": "VALUE"}\n```'
        "<｜tool▁call▁end｜><｜tool▁calls▁end｜>"  # noqa: RUF001 - the same
    ),
}


def tool_definitions(tools: Sequence[Mapping[str, object]], syntax: ToolFormat) -> str:
    """What to tell a model about its tools.

    Args:
        tools: in OpenAI's shape.
        syntax: how it is to write a call.
    """
    functions = [json.dumps(tool.get("function", tool), ensure_ascii=False) for tool in tools]
    last = "When no function is needed, answer as usual."
    return "\n".join((_HEAD, *functions, "", _HOW, _EXAMPLES[syntax], "", last))
