from __future__ import annotations

import pytest

from answer.tools.running import DEEPSEEK, HERMES, LLAMA, MISTRAL, run
from axm1_llm.answer.tools.calls import ToolCall, ToolFormat

PARIS = ToolCall("get_weather", {"city": "Paris"})
ADD = ToolCall("add", {"a": 1, "b": [2]})
NOTHING = ToolCall("add", {})
P = '{"name": "get_weather", "arguments": {"city": "Paris"}}'
A = '{"name": "add", "arguments": {"a": 1, "b": [2]}}'
D_PARIS = (
    "<｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n"
    '{"city": "Paris"}\n```<｜tool▁call▁end｜>'
)
D_ADD = '<｜tool▁call▁begin｜>add<｜tool▁sep｜>{"a": 1, "b": [2]}<｜tool▁call▁end｜>'
P_A, P_B = "<parameter=a>\n1\n</parameter>", "<parameter=b>\n[2]\n</parameter>"
CALLS: dict[str, tuple[ToolFormat, str, list[str | ToolCall]]] = {
    "hermes": (HERMES, f"<tool_call>\n{P}\n</tool_call>", [PARIS]),
    "hermes, two": (HERMES, f"<tool_call>\n{P}\n</tool_call>\n<tool_call>\n{A}\n</tool_call>", [PARIS, ADD]),
    "hermes, text": (
        HERMES,
        f"Let me see.\n\n<tool_call>{P}</tool_call> and <tool_call>{A}</tool_call>\nDone.\n",
        ["Let me see.", PARIS, " and", ADD, "\nDone.\n"],
    ),
    "hermes, two in a block": (HERMES, f"<tool_call>\n{P}\n{A}\n</tool_call>", [PARIS, ADD]),
    "hermes, array": (HERMES, f"<tool_call>[{P}, {A}]</tool_call>\n", [PARIS, ADD]),
    "hermes, not closed": (HERMES, f"<tool_call>\n{P}", [PARIS]),
    "hermes, closing tag cut off": (HERMES, f"<tool_call>\n{P}\n</tool", [PARIS, "\n</tool"]),
    "hermes, next one at once": (HERMES, f"<tool_call>{P}<tool_call>{A}", [PARIS, ADD]),
    "hermes, without tags": (HERMES, P, [PARIS]),
    "hermes, in a fence": (HERMES, f"Sure:\n```json\n{P}\n```\n", ["Sure:", PARIS]),
    "qwen3-coder": (
        HERMES,
        f"<tool_call>\n<function=add>\n{P_A}\n{P_B}\n</function>\n</tool_call>",
        [ADD],
    ),
    "qwen3-coder, bare": (HERMES, "<function=add>\n</function>", [NOTHING]),
    "functionary": (HERMES, '<function=get_weather>{"city": "Paris"}</function>', [PARIS]),
    "llama": (LLAMA, P.replace("arguments", "parameters"), [PARIS]),
    "llama, tagged": (LLAMA, f"<|python_tag|>{P}; {A}\n", [PARIS, ADD]),
    "llama, lines": (LLAMA, f"{P}\n{A}", [PARIS, ADD]),
    "llama, type": (LLAMA, '{"type": "function", "name": "add", "parameters": {}}', [NOTHING]),
    "llama, tag in the text": (LLAMA, f"I will.<|python_tag|>{P}", ["I will.", PARIS]),
    "llama, custom": (LLAMA, '<function=get_weather>{"city": "Paris"}</function>', [PARIS]),
    "mistral": (MISTRAL, f"[TOOL_CALLS][{P}, {A}]", [PARIS, ADD]),
    "mistral, one": (MISTRAL, f"[TOOL_CALLS] {P}", [PARIS]),
    "mistral, mark skipped": (MISTRAL, f" [{P}]", [PARIS]),
    "mistral, ids": (MISTRAL, '[TOOL_CALLS][{"name": "add", "arguments": {}, "id": "a1B2c3D4e"}]', [NOTHING]),
    "mistral, name": (MISTRAL, '[TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}', [PARIS]),
    "mistral, names": (
        MISTRAL,
        "[TOOL_CALLS]add[CALL_ID]a1B2c3D4e[ARGS]{}[TOOL_CALLS]add[ARGS]{}",
        [NOTHING] * 2,
    ),
    "mistral, name, marks skipped": (MISTRAL, 'get_weather{"city": "Paris"}add{}', [PARIS, NOTHING]),
    "deepseek": (DEEPSEEK, f"<｜tool▁calls▁begin｜>{D_PARIS}\n{D_ADD}<｜tool▁calls▁end｜>", [PARIS, ADD]),
    "deepseek, text": (
        DEEPSEEK,
        f"Well.\n<｜tool▁calls▁begin｜>{D_ADD}<｜tool▁calls▁end｜>\nSo.",
        ["Well.", ADD, "\nSo."],
    ),
    "deepseek, spelled": (
        DEEPSEEK,
        "<|tool_calls_begin|><|tool_call_begin|>function<|tool_sep|>add\n```json\n{}\n```<|tool_call_end|>",
        [NOTHING],
    ),
    "deepseek, not closed": (
        DEEPSEEK,
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>add\n```json\n{}\n",
        [NOTHING],
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls_are_found_in_any_chunking(name: str) -> None:
    syntax, text, expected = CALLS[name]
    for size in (None, 1, 2, 3, 5, 11):
        assert run(syntax, text, size) == expected, size


NO_CALLS: list[tuple[ToolFormat, str]] = [
    *((syntax, text) for syntax in ToolFormat for text in ("", " \n", "Hello <", "a [b] {c} `d` <e>", "```")),
    *((syntax, "```python\nprint({'name': 1})\n```\n") for syntax in ToolFormat),
    *((syntax, '{"name": "Ada", "arguments": {}}') for syntax in ToolFormat),
    *((syntax, 'In JSON: {"name": "add", "arguments": {}}') for syntax in ToolFormat),
    *((syntax, '{"name": "add", "arguments": {}, "sum": 3}') for syntax in ToolFormat),
    *((syntax, '{"name": "add"}') for syntax in ToolFormat),
    *(
        (syntax, '[{"name": "add", "arguments": {}}, {"name": "other", "arguments": {}}]')
        for syntax in ToolFormat
    ),
    (HERMES, '<tool_call>\n{"name": "other", "arguments": {}}\n</tool_call>\n'),
    (HERMES, '<tool_call>\n{"name": "add", "arguments": {}\n</tool_call>'),
    (HERMES, '<tool_call>\n{"name": "add", "arguments": "1, 2"}\n</tool_call>'),
    (HERMES, '<tool_call>\n{"name": "add", "arguments": [1]}\n</tool_call>'),
    (HERMES, '<tool_call>\n{"name": "add", "arguments": {1: 2}}\n</tool_call>'),
    (HERMES, '<tool_call>\n{"name": 3}</tool_call>'),
    (HERMES, "<tool_call>add()</tool_call>"),
    (HERMES, "<tool_call>null {}</tool_call>"),
    (HERMES, '<tool_call>{"name": "add'),
    (HERMES, '<tool_call>{"name": "add\\'),
    (HERMES, "<function=other></function>"),
    (HERMES, "<function=add>nothing</function>"),
    (HERMES, "<function=add><parameter=a>1"),
    (HERMES, "<function=add><parameter=a"),
    (HERMES, "<function=add"),
    (HERMES, "<function=add>{not json}</function>"),
    (LLAMA, '<|python_tag|>brave_search.call(query="x")'),
    (MISTRAL, "add 1 and 2"),
    (MISTRAL, "[TOOL_CALLS]other[ARGS]{}"),
    (MISTRAL, "[TOOL_CALLS]add[ARGS]1"),
    (MISTRAL, "[1] says [2]"),
    (DEEPSEEK, "<｜tool▁calls▁begin｜>none<｜tool▁calls▁end｜>"),
    (DEEPSEEK, D_PARIS.replace("get_weather", "other")),
    (DEEPSEEK, D_PARIS.replace('"}', '"')),
    (DEEPSEEK, "<｜tool▁call▁begin｜>function add"),
]


@pytest.mark.parametrize(("syntax", "text"), NO_CALLS)
def test_what_is_no_call_comes_back_as_the_text_it_was(syntax: ToolFormat, text: str) -> None:
    for size in (None, 1, 3):
        assert run(syntax, text, size) == ([text] if text else []), size
