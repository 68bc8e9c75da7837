"""What a family's own template writes for a call is what the parser reads."""

from __future__ import annotations

import pytest

from answer.tools.corpus import template
from axm1_llm.answer.tools.calls import ToolCall
from axm1_llm.answer.tools.detect import tool_format
from axm1_llm.answer.tools.parser import ToolCallParser
from axm1_llm.tokenizer.prompts import Message
from axm1_llm.tokenizer.template import TemplateRenderer

FAMILIES = """
    Qwen-Qwen2.5-7B-Instruct Qwen-Qwen3-0.6B Qwen-QwQ-32B Qwen3-Coder Qwen3.5-4B
    NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use NousResearch-Hermes-3-Llama-3.1-8B-tool_use
    ibm-granite-granite-4.0 NVIDIA-Nemotron-Nano-v2 MiMo-VL Reka-Edge
    meetkai-functionary-medium-v3.1 unsloth-Apriel-1.5 MiniMax-M1
    meta-llama-Llama-3.1-8B-Instruct meta-llama-Llama-3.2-3B-Instruct meta-llama-Llama-3.3-70B-Instruct
    mistralai-Mistral-Nemo-Instruct-2407 Mistral-Small-3.2-24B-Instruct-2506
    mistralai-Ministral-3-14B-Reasoning-2512 unsloth-mistral-Devstral-Small-2507
    deepseek-ai-DeepSeek-R1-Distill-Llama-8B deepseek-ai-DeepSeek-R1-Distill-Qwen-32B
    deepseek-ai-DeepSeek-V3.1
"""
ONE_CALL_ONLY = {name for name in FAMILIES.split() if "Llama-3." in name and "Hermes" not in name}
ARGUMENTS: dict[str, dict[str, object]] = {
    "get_weather": {"city": 'Zürich "{x}" </b>\n- [y]', "days": 3, "exact": True, "none": None},
    "add": {"values": [1, {"a": None}]},
}
NAMES = frozenset(ARGUMENTS)
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": name,
            "parameters": {"type": "object", "properties": {key: {"type": "string"} for key in keys}},
        },
    }
    for name, keys in ARGUMENTS.items()
]
QUESTION = Message("user", "What is it like there?")


def calls(*names: str) -> tuple[Message, ...]:
    written: list[dict[str, object]] = [
        {"id": f"call{at}abcd", "type": "function", "function": {"name": name, "arguments": ARGUMENTS[name]}}
        for at, name in enumerate(names)
    ]
    results = [
        Message("tool", '{"found": 1}', {"name": name, "tool_call_id": f"call{at}abcd"})
        for at, name in enumerate(names)
    ]
    return (QUESTION, Message("assistant", "", {"tool_calls": written}), *results)


def rendered(source: str, turns: tuple[Message, ...], *, asks: bool) -> str:
    renderer = TemplateRenderer()
    names = {"tools": TOOLS, "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": asks}
    return renderer.render(renderer.compile(source), turns, names, source=source)


def answer(source: str, turns: tuple[Message, ...]) -> str:
    """The assistant's turn and what follows, as the template writes it."""
    prompt = rendered(source, turns[:1], asks=True)
    whole = rendered(source, turns, asks=False)
    # Some write another beginning into the prompt than into the history, such as an empty thinking block.
    return whole.removeprefix(prompt) if whole.startswith(prompt) else whole.rpartition(QUESTION.content)[2]


@pytest.mark.parametrize("family", FAMILIES.split())
@pytest.mark.parametrize("names", [("get_weather",), ("add",), ("add", "get_weather", "add")])
def test_a_call_that_a_template_writes_is_read_back(family: str, names: tuple[str, ...]) -> None:
    if len(names) > 1 and family in ONE_CALL_ONLY:
        names = names[:1]  # its template takes no more than one call a turn
    source = template(family)
    syntax = tool_format(source)
    assert syntax is not None
    text = answer(source, calls(*names))
    for size in (1, 6, len(text)):
        parser = ToolCallParser(syntax, NAMES)
        found = [
            piece for at in range(0, len(text), size) for piece in parser.feed(text[at : at + size])
        ] + parser.flush()
        assert [piece for piece in found if isinstance(piece, ToolCall)] == [
            ToolCall(name, ARGUMENTS[name]) for name in names
        ]
