"""Which syntax of tool calls a model's chat template teaches it."""

from __future__ import annotations

import re

from axm1_llm.answer.tools.calls import ToolFormat
from axm1_llm.answer.tools.hermes import FUNCTION, TAGS
from axm1_llm.answer.tools.mistral import MARK

_DEFINITIONS = re.compile(r"\btools\b")
_LLAMA = re.compile(r"""\{"name": [^}]{,60}"parameters": """)
_DEEPSEEK = "<｜tool▁calls▁begin｜>"  # noqa: RUF001 - DeepSeek's own signs
# Calls that stand between Hermes' tags, or near them, and are written in another way.
_OTHERS = ("<arg_key>", "]<]minimax[>[", "<tool_def_sep>")


def tool_format(template: str) -> ToolFormat | None:
    """The syntax of the tool calls that `template` renders; None when it knows no tools, or none of ours.

    Templates of DeepSeek's own know calls and results, but not the tools: see `shows_tools`.
    """
    if _DEEPSEEK in template:
        return ToolFormat.DEEPSEEK
    if not shows_tools(template) or any(mark in template for mark in _OTHERS):
        return None
    if MARK in template:
        return ToolFormat.MISTRAL
    if any(tag in template for tag in (*TAGS, FUNCTION)):
        return ToolFormat.HERMES
    if _LLAMA.search(template):
        return ToolFormat.LLAMA
    return None


def shows_tools(template: str) -> bool:
    """Whether `template` puts the definitions of tools into the prompt."""
    return _DEFINITIONS.search(template) is not None
