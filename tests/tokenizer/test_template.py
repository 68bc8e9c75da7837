from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pytest

from axm1_llm.errors import RequestError
from axm1_llm.tokenizer.prompts import Message
from axm1_llm.tokenizer.template import FALLBACK, TemplateRenderer

HI = (Message("user", "Hi"),)


def render(source: str, turns: tuple[Message, ...] = HI, names: Mapping[str, object] | None = None) -> str:
    renderer = TemplateRenderer(now=lambda: datetime(2026, 2, 3))  # noqa: DTZ001 - local time, as templates expect
    return renderer.render(renderer.compile(source), turns, names or {})


def test_blocks_leave_no_lines_behind() -> None:
    source = "{% for m in messages %}\n    {% if m.role %}\n{{ m.content }}\n    {% endif %}\n{% endfor %}"
    assert render(source) == "Hi\n"


def test_json_is_written_as_it_is_not_for_a_page() -> None:
    value = {"value": {"b": "<&'>", "a": "天气"}}
    assert render("{{ value | tojson }}", names=value) == '{"b": "<&\'>", "a": "天气"}'
    assert render("{{ value | tojson(indent=1, sort_keys=true) }}", names=value).startswith('{\n "a"')


def test_a_template_knows_the_date() -> None:
    assert render("{{ strftime_now('%d %b %Y') }}") == "03 Feb 2026"


def test_loops_can_be_left_and_skipped() -> None:
    skip, leave = "{% if i == 1 %}{% continue %}{% endif %}", "{% if i == 4 %}{% break %}{% endif %}"
    assert render(f"{{% for i in range(9) %}}{skip}{leave}{{{{ i }}}}{{% endfor %}}") == "023"


def test_marks_for_training_are_their_body() -> None:
    assert render("a{% generation %}{{ messages[0].content }}{% endgeneration %}b") == "aHib"


def test_a_template_that_refuses_says_why() -> None:
    with pytest.raises(RequestError, match="roles must alternate"):
        render("{{ raise_exception('roles must alternate') }}")


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages[7].content }}",
        "{{ 1 / 0 }}",
        "{{ none + 1 }}",
        "{{ messages[0].content.no_such() }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{% for i in range(10 ** 9) %}x{% endfor %}",
        "{{ 'x' * 10 ** 9 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{% for i in range(99999) %}{{ 'x' * 99999 }}{% endfor %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    ],
)
def test_a_template_that_fails_or_wants_too_much_is_a_bad_request(source: str) -> None:
    with pytest.raises(RequestError):
        render(source)


def test_a_template_that_is_none_names_the_line() -> None:
    with pytest.raises(RequestError, match="line 2"):
        TemplateRenderer().compile("\n{% if %}")


def test_thinking_is_seen_under_both_names_and_missing_values_not_at_all() -> None:
    turns = (Message("assistant", "", {"thinking": "hm", "tool_calls": None}),)
    source = "{{ messages[0].thinking }}{{ messages[0].reasoning_content }}{{ 'tool_calls' in messages[0] }}"
    assert render(source, turns) == "hmhmFalse"


def test_the_fallback_writes_one_turn_a_line() -> None:
    turns = (Message("system", "Be kind."), Message("user", "Hi"))
    assert (
        render(FALLBACK, turns, {"add_generation_prompt": True}) == "System: Be kind.\nUser: Hi\nAssistant:"
    )


def test_a_template_that_only_python_refuses_is_refused_too() -> None:
    with pytest.raises(RequestError, match="not valid: 'break' outside loop"):
        render("{% break %}")
