from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axm1_llm.errors import RequestError
from axm1_llm.tokenizer.prompts import Message
from axm1_llm.tokenizer.seen import arrangements
from axm1_llm.tokenizer.template import TemplateRenderer

PLAIN = "{% for m in messages %}{{ m.role[0] }}:{{ m.content }};{% endfor %}"
NO_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    + PLAIN
)
STRICT = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}{% endfor %}" + PLAIN
)


def render(source: str, *turns: tuple[str, str]) -> str:
    renderer = TemplateRenderer()
    messages = [Message(role, content) for role, content in turns]
    return renderer.render(renderer.compile(source), messages, {}, source=source)


def test_turns_reach_a_template_as_they_are() -> None:
    assert render(PLAIN, ("system", "S"), ("user", "a"), ("user", "b")) == "s:S;u:a;u:b;"


def test_a_template_without_a_system_role_sees_the_system_prompt_before_the_user_turn() -> None:
    assert render(NO_SYSTEM, ("system", "S"), ("user", "a"), ("assistant", "b")) == "u:S\n\na;a:b;"


def test_a_template_that_wants_roles_in_turn_sees_neighbours_as_one() -> None:
    turns = (("user", "a"), ("user", "b"), ("assistant", "c"), ("assistant", "d"), ("user", "e"))
    assert render(STRICT, *turns) == "u:a\n\nb;a:c\n\nd;u:e;"


def test_a_template_that_wants_both_gets_both() -> None:
    turns = (("system", "S"), ("user", "a"), ("user", "b"), ("assistant", "c"), ("user", "d"))
    assert render(STRICT, *turns) == "u:S\n\na\n\nb;a:c;u:d;"


def test_the_reason_of_a_refusal_is_that_of_the_turns_as_they_came() -> None:
    with pytest.raises(RequestError, match="roles must alternate"):
        render(STRICT, ("assistant", "a"))


def test_a_system_prompt_that_no_user_follows_is_refused_rather_than_lost() -> None:
    with pytest.raises(RequestError, match="System role not supported"):
        render(NO_SYSTEM, ("system", "S"), ("assistant", "a"))


def test_a_template_of_a_model_that_sees_is_shown_pictures_before_the_text() -> None:
    source = "{% for part in messages[-1].content %}[{{ part.type }}]{{ part.text }}{% endfor %}"
    renderer = TemplateRenderer()
    turns = [Message("user", "earlier"), Message("user", "What is it?")]
    text = renderer.render(renderer.compile(source), turns, {}, source=source, pictures=2)
    assert text == "[image][image][text]What is it?"


def test_results_find_their_calls_by_id_by_name_and_by_order() -> None:
    def call(name: str, **more: Any) -> dict[str, Any]:
        return {"function": {"name": name, "arguments": {}}, **more}

    calls = [call("a", id="1"), call("b"), call("c")]
    results: tuple[dict[str, str], ...] = ({"tool_name": "b"}, {"tool_call_id": "1"}, {})
    turns = [
        Message("assistant", "", {"tool_calls": calls}),
        *(Message("tool", "", extra) for extra in results),
    ]
    seen = next(arrangements(turns, PLAIN))
    ids = {one["function"]["name"]: one["id"] for one in seen[0]["tool_calls"]}
    assert [(one["name"], one["tool_call_id"]) for one in seen[1:]] == [
        ("b", ids["b"]),
        ("a", "1"),
        ("c", ids["c"]),
    ]


def test_arguments_are_an_object_and_a_text_at_once() -> None:
    turns = [Message("assistant", "", {"tool_calls": [{"function": {"name": "f", "arguments": {"a": "ü"}}}]})]
    source = (
        "{% set a = messages[0].tool_calls[0].function.arguments %}"
        "{{ a is mapping }}{{ a.a }}{{ a }}{{ '|' + a + '|' }}{{ a | tojson }}{{ a | string }}"
    )
    renderer = TemplateRenderer()
    text = renderer.render(renderer.compile(source), turns, {}, source=source)
    written = '{"a": "ü"}'
    assert text == f"Trueü{written}|{written}|{written}{written}"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=8), inner, max_size=2),
    max_leaves=4,
)
extras = st.dictionaries(
    st.sampled_from(["tool_calls", "tool_call_id", "tool_name", "thinking", "name"]), json_values, max_size=3
)
turns = st.lists(
    st.builds(Message, st.sampled_from(["system", "user", "assistant", "tool"]), st.text(max_size=3), extras),
    max_size=5,
)


@given(turns, st.sampled_from([PLAIN, NO_SYSTEM, "{{ messages[0].content is none }}| length != 9"]))
def test_whatever_a_client_sends_is_arranged_or_refused(conversation: list[Message], source: str) -> None:
    shapes = list(arrangements(conversation, source))
    assert 1 <= len(shapes) <= 4
    said = "".join(turn.content for turn in conversation)
    for shape in shapes:
        found = "".join(turn.get("content") or "" for turn in shape if isinstance(turn.get("content"), str))
        assert [char for char in found if char != "\n"] == [
            char for char in found if char in said and char != "\n"
        ]
