"""Which syntax a model's chat template teaches it."""

from __future__ import annotations

from axm1_llm.answer.tools.calls import ToolFormat


def tool_format(template: str) -> ToolFormat | None:
    """The syntax of the tool calls that `template` renders; None when it knows no tools."""
    if "tools" not in template:
        return None
    if "tool▁call" in template:
        return ToolFormat.DEEPSEEK
    if "[TOOL_CALLS]" in template:
        return ToolFormat.MISTRAL
    if "<tool_call>" in template:
        return ToolFormat.HERMES
    return ToolFormat.LLAMA
