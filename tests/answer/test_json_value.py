from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axm1_llm.answer.json_value import breaks_off, json_values


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}', ['{"a": 1}']),
        (' \n{"a": [1, {"b": "}"}]}\n ', ['{"a": [1, {"b": "}"}]}']),
        ('Sure! Here it is:\n```json\n{"a": 1}\n```\nHope that helps.', ['{"a": 1}']),
        ("```\n[1, 2]\n```", ["[1, 2]"]),
        ("```json\n42\n```", ["42"]),
        ('```json\n"a word"', ['"a word"']),
        ("42", ["42"]),
        ("null", ["null"]),
        ("The answer is 42.", []),
        ('See [1] and {"a": 1} {"b": 2}', ["[1]", '{"a": 1}', '{"b": 2}']),
        ('{note: {"a": 1}}', ['{"a": 1}']),
        ('{"a": 1,} then {"b": 2}', ['{"b": 2}']),
        ('{"a": 1]', []),
        ('{"a": NaN}', []),
        ("NaN", []),
        ('{"a": "two\nlines"}', ['{"a": "two\\nlines"}']),
        ('{"a": "Zürich \\ud83d"}', ['{"a": "Zürich \\ud83d"}']),
        ("[" * 100_000, []),
        ("[" * 100_000 + "]" * 100_000, []),
        ("9" * 10_000, []),
        ("", []),
    ],
    ids=lambda value: str(value)[:20],
)
def test_the_values_are_cut_out_of_what_stands_around_them(text: str, expected: list[str]) -> None:
    values = json_values(text)
    assert [value.text for value in values] == expected
    assert all(json.loads(value.text) == value.value for value in values)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1', True),
        ('```json\n{"a": "cut', True),
        ('{"a": "cut\\', True),
        ("[1] and [2", True),
        ('{"a": 1} {', True),
        ('{"a": 1}', False),
        ("no JSON", False),
        ("{no JSON", False),
        ("", False),
    ],
)
def test_a_value_that_is_cut_off_is_known(text: str, *, expected: bool) -> None:
    assert breaks_off(text) is expected


PLAIN = st.text(st.characters(exclude_characters='{}[]"`\\', exclude_categories=["Cs"]))


@given(
    value=st.dictionaries(st.text(), st.integers() | st.text() | st.lists(st.booleans())),
    before=PLAIN,
    after=PLAIN,
    indent=st.sampled_from([None, 2]),
)
def test_an_object_between_any_words_is_found(
    value: dict[str, object], before: str, after: str, indent: int | None
) -> None:
    written = json.dumps(value, indent=indent)
    assert [found.value for found in json_values(before + written + after)] == [value]


@given(
    st.lists(st.one_of(st.sampled_from(['{"a":', "1", "}", "[", "]", '"', "\\", "```", ",", "x"]), st.text()))
)
def test_no_text_is_too_strange(pieces: list[str]) -> None:
    text = "".join(pieces)
    for found in json_values(text):
        assert json.loads(found.text) == found.value
    breaks_off(text)
