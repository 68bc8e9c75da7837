from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from answer.tools.running import HERMES, LLAMA, MISTRAL, NAMES, run
from axm1_llm.answer.tools.calls import ToolCall, ToolFormat
from axm1_llm.answer.tools.parser import ToolCallParser

PARIS = ToolCall("get_weather", {"city": "Paris"})
P = '{"name": "get_weather", "arguments": {"city": "Paris"}}'


@pytest.mark.parametrize("syntax", ToolFormat)
@pytest.mark.parametrize(
    "text", ["Hello", "{x", '{"city', '{"name": "Ad', "[1", "```python\n", "```json\n{1", "< a", "g "]
)
def test_ordinary_text_streams_at_once(syntax: ToolFormat, text: str) -> None:
    parser = ToolCallParser(syntax, NAMES)
    streamed = "".join(str(piece) for char in text for piece in parser.feed(char))
    assert streamed == text.rstrip()


def test_only_what_may_begin_a_mark_is_held_back() -> None:
    parser = ToolCallParser(HERMES, NAMES)
    assert parser.feed("Hello <") == ["Hello"]
    assert parser.feed("tool") == []
    assert parser.feed("box> ") == [" <toolbox>"]
    assert parser.feed("x") == [" x"]
    assert parser.feed(" " * 20) == [" " * 20]


@pytest.mark.parametrize("spaces", [16, 17, 24, 40])
def test_white_space_before_a_call_is_the_same_in_any_chunks(spaces: int) -> None:
    text = f"x{' ' * spaces}<tool_call>{P}</tool_call>"
    whole = run(HERMES, text)
    assert whole == ["x" if spaces <= 16 else "x" + " " * spaces, PARIS]
    assert all(run(HERMES, text, size) == whole for size in (1, 2, 3, 18, 23))


def test_a_call_is_delivered_with_its_last_character() -> None:
    parser = ToolCallParser(HERMES, NAMES)
    assert parser.feed(f"<tool_call>{P}</tool_call") == []
    assert parser.feed(">") == [PARIS]


@given(
    syntax=st.sampled_from([HERMES, LLAMA, MISTRAL]),
    arguments=st.dictionaries(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
            max_leaves=8,
        ),
        max_size=4,
    ),
    readable=st.booleans(),
    size=st.integers(1, 9),
)
def test_every_call_comes_back(
    syntax: ToolFormat, arguments: dict[str, object], size: int, *, readable: bool
) -> None:
    call = json.dumps({"name": "add", "arguments": arguments}, ensure_ascii=not readable)
    marked = {HERMES: f"<tool_call>\n{call}\n</tool_call>", LLAMA: call, MISTRAL: f"[TOOL_CALLS][{call}]"}
    assert run(syntax, marked[syntax], size) == [ToolCall("add", arguments)]


@pytest.mark.parametrize(
    "unit",
    [
        '<tool_call>{"name": "',
        "<tool_call>{",
        '<tool_call>{"a": [',
        "<function=add><parameter=a>",
        "<function=add><parameter=a></parameter>x",
        "```json\n[{",
    ],
)
def test_a_text_of_nothing_but_beginnings_takes_time_in_proportion(unit: str) -> None:
    # Characters that a reader went over, in place of seconds: twice the text, at most about twice the work.
    assert steps(unit * 400) < 3 * steps(unit * 200)


def test_attempts_at_calls_with_calls_in_their_parameters_end() -> None:
    inner = "<parameter=a><function=add><parameter=b>1</parameter>"
    assert steps(f"<function=add>{inner * 800}x") < 3 * steps(f"<function=add>{inner * 400}x")


def steps(text: str) -> int:
    parser = ToolCallParser(HERMES, NAMES)
    gone = 0

    class Counted(type(parser._tape)):  # type: ignore[misc]
        def __setattr__(self, name: str, value: object) -> None:
            nonlocal gone
            if name == "at" and isinstance(value, int):
                gone += max(0, value - getattr(self, "at", 0))
            super().__setattr__(name, value)

    parser._tape.__class__ = Counted
    assert "".join(str(piece) for piece in parser.feed(text) + parser.flush()) == text
    return gone
