from __future__ import annotations

import socket
from typing import Any

import pytest

from axm1_llm.answer.form import Form
from axm1_llm.answer.json_value import JsonValue
from axm1_llm.errors import RequestError

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
    "additionalProperties": False,
}
DRAFT_4 = {"$schema": "http://json-schema.org/draft-04/schema#"}


def found(form: Any, answer: str) -> object:
    """The value, or what is wrong."""
    cut = Form(form).cut(answer)
    return cut.value if isinstance(cut, JsonValue) else cut


@pytest.mark.parametrize(
    ("form", "answer", "expected"),
    [
        ("json", 'Here [1]: {"a": 1}', {"a": 1}),
        ("json", "see [1, 2]", [1, 2]),
        ("json", "42", "its JSON value is no object"),
        ("json", "sorry", "there is no JSON value in it"),
        ("json", '{"a": ', "its JSON value is not complete"),
        (CITY, 'See [1]. {"city": "Paris", "days": 3} And {"city": 1}', {"city": "Paris", "days": 3}),
        (CITY, '{"city": 1} no, {"city": "Paris"}', {"city": "Paris"}),
        (CITY, '[1] {"city": "Paris", "days": "3"}', "at $.days: '3' is not of type 'integer'"),
        (CITY, '{"city": "Paris", "x": 1}', "the property 'x' is not allowed"),
        (CITY, '{"days": 3}', "'city' is a required property"),
        ({"type": "integer"}, "42", 42),
        ({"type": "string"}, '```json\n"word"\n```', "word"),
        ({}, "[]", []),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}}, "null", None),
        ({"enum": [{"$ref": "https://a.b"}]}, '{"$ref": "https://a.b"}', {"$ref": "https://a.b"}),
        ({"properties": {"$ref": {"type": "string"}, "pattern": {}}}, '{"$ref": "x"}', {"$ref": "x"}),
        ({"patternProperties": {"^n": {}}, "additionalProperties": False}, '{"n1": 0}', {"n1": 0}),
        ({"patternProperties": {"^n": {"type": "null"}}}, '{"n1": 1}', "at $.n1: 1 is not of type 'null'"),
        ({"additionalProperties": {"type": "null"}}, '{"a": 1}', "at $.a: 1 is not of type 'null'"),
        ({"pattern": "^[a-z]+$"}, '"Abc"', "the pattern '^[a-z]+$' is not found in 'Abc'"),
        ({"pattern": "^[a-z]+$"}, "3", 3),
        ({"pattern": r"^\p{L}\/\-$"}, '"é/-"', "é/-"),
        ({"uniqueItems": True}, "[1, 2, 1]", "an item comes twice"),
        ({"uniqueItems": True}, "[1, 2]", [1, 2]),
        ({**DRAFT_4, "minimum": 3, "exclusiveMinimum": True}, "4", 4),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_a_value_fits_or_it_is_said_why_not(form: object, answer: str, expected: object) -> None:
    assert found(form, answer) == expected


def test_a_problem_that_quotes_the_value_is_short() -> None:
    problem = found({"type": "object"}, str(list(range(1000))))
    assert isinstance(problem, str)
    assert len(problem) < 310


def nested(levels: int) -> dict[str, object]:
    schema: dict[str, object] = {}
    for _ in range(levels):
        schema = {"properties": {"a": schema}}
    return schema


DOUBLING = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(30)} | {"a30": {}}


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"type": "nonsense"}, r"no valid JSON schema: at \$.type"),
        ({"properties": []}, r"no valid JSON schema: at \$.properties"),
        ({"$ref": "https://example.com/x.json"}, "'https://example.com/x.json', which is not a part of it"),
        ({"items": {"$ref": "file:///etc/passwd"}}, "nothing is fetched"),
        ({"$ref": "#/$defs/none"}, "nothing is fetched"),
        ({"$dynamicRef": "#none"}, "nothing is fetched"),
        ({"$ref": "#"}, "refers to itself without end"),
        ({"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "refers to itself without end"),
        ({"$ref": "#/$defs/a0", "$defs": DOUBLING}, "takes too long"),
        ({"pattern": "(?=a)"}, "look-around"),
        ({"pattern": "("}, r"'\(' cannot be used"),
        ({"pattern": "(a{500}){500}{500}"}, "cannot be used"),
        ({"patternProperties": {r"(a)\1": {}}}, "backreferences"),
        ({"patternProperties": {"a": {}}, "unevaluatedProperties": False}, "patternProperties"),
        ({"$schema": {}}, r"at \$.\$schema"),
        ({"items": {"$schema": "http://json-schema.org/draft-07/schema#"}}, r"\$schema"),
        (nested(40), "nested too deeply"),
        ({"enum": [1], "allOf": [{"minimum": n} for n in range(10_001)]}, "more than 10000 parts"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_schema_that_cannot_be_used_is_refused_before_any_answer(form: object, words: str) -> None:
    with pytest.raises(RequestError, match=words):
        Form(form)  # type: ignore[arg-type]


def test_nothing_is_fetched_when_an_answer_meets_a_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "create_connection", refuse)
    # Under `default` a reference is data to the check beforehand; a pointer makes it a schema.
    form = {
        "$defs": {"x": {"default": {"$ref": "http://127.0.0.1:9/x"}}},
        "items": {"$ref": "#/$defs/x/default"},
    }
    with pytest.raises(RequestError, match="nothing is fetched"):
        Form(form).cut("[1]")


def test_patterns_take_time_in_proportion() -> None:
    answer = '"' + "a" * 50_000 + '!"'
    assert "not found" in str(found({"pattern": "^(a+)+$"}, answer))


def test_a_value_that_is_nested_too_deeply_is_the_answers_fault() -> None:
    form = {"properties": {"a": {"$ref": "#"}}, "required": ["a"]}
    assert found(form, '{"a":' * 400 + "{}" + "}" * 400) == "its JSON value is nested too deeply"


def test_the_instructions_hold_the_schema() -> None:
    assert '"required": ["city"]' in Form(CITY).instructions
    assert "JSON object" in Form("json").instructions


def test_an_answer_of_many_values_is_not_checked_for_hours() -> None:
    form = Form({"allOf": [{"type": "object"}] * 4000})
    with pytest.raises(RequestError, match="too long"):
        form.cut("[1]" * 1000)
