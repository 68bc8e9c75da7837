from __future__ import annotations

import json

import pytest

from answer.tools.running import DEEPSEEK, HERMES, LLAMA, MISTRAL, run
from axm1_llm.answer.tools.calls import ToolCall, ToolFormat, text_parameters, tool_names

NOTHING = ToolCall("add", {})

STRINGS = {"s": 'quote " brace } bracket ] mark </tool_call> ``` <｜tool▁call▁end｜> \\ \n', "o": {"p": [{}]}}


@pytest.mark.parametrize("syntax", ToolFormat)
def test_arguments_may_hold_anything(syntax: ToolFormat) -> None:
    call, arguments = json.dumps({"name": "add", "arguments": STRINGS}), json.dumps(STRINGS)
    marked = {
        HERMES: f"<tool_call>{call}</tool_call>",
        LLAMA: call,
        MISTRAL: f"[TOOL_CALLS][{call}]",
        DEEPSEEK: f"<｜tool▁call▁begin｜>function<｜tool▁sep｜>add\n```json\n{arguments}\n```",
    }[syntax]
    for size in (None, 1, 4):
        assert run(syntax, marked, size) == [ToolCall("add", STRINGS)]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ('""', {}),
        ("null", {}),
        ('{"a": "two\nlines"}', {"a": "two\nlines"}),
    ],
)
def test_arguments_come_as_an_object_however_they_were_written(written: str, expected: object) -> None:
    text = f'<tool_call>{{"name": "add", "arguments": {written}}}</tool_call>'
    assert run(HERMES, text) == [ToolCall("add", expected)]  # type: ignore[arg-type]


def test_a_call_in_openai_shape_is_one() -> None:
    call = {"id": "x", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    assert run(HERMES, f"<tool_call>{json.dumps(call)}</tool_call>") == [NOTHING]
    assert run(LLAMA, '{"type": "function", "function": "add", "parameters": {}}') == [NOTHING]


def test_a_parameter_that_is_declared_as_a_string_stays_one() -> None:
    tools: list[dict[str, object]] = [
        {"function": {"name": "add", "parameters": {"properties": {"a": {"type": "string"}, "b": {}}}}},
        {"function": None},
        {"name": "flat"},
    ]
    assert tool_names(tools) == {"add"}
    values = {"a": "0123", "b": "0123", "c": "12", "d": "null", "e": "true", "f": "<b>x</parameter></b>\n"}
    body = "".join(f"<parameter={name}>\n{value}\n</parameter>\n" for name, value in values.items())
    found = run(HERMES, f"<tool_call>\n<function=add>\n{body}</function>", 1, texts=text_parameters(tools))
    assert found == [ToolCall("add", {**values, "c": 12, "d": None, "e": True})]
    numbers = run(
        HERMES, "<function=add><parameter=a>12</parameter></function>", texts=text_parameters(tools)
    )
    assert numbers == [ToolCall("add", {"a": "12"})]


@pytest.mark.parametrize(
    "arguments",
    [
        '{"a": "\\ud800"}',
        '{"a": 1e999}',
        '{"a": NaN}',
        '{"a": 123456789012345678901234567890}',
        '{"a": ' + "[" * 300 + "]" * 300 + "}",
    ],
)
def test_arguments_that_no_answer_could_carry_make_it_text(arguments: str) -> None:
    text = f'<tool_call>{{"name": "add", "arguments": {arguments}}}</tool_call>'
    assert run(HERMES, text) == [text]
