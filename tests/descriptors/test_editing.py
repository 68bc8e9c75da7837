from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from axm1_llm.descriptors import load_descriptors
from axm1_llm.descriptors.comments import without_comments
from axm1_llm.descriptors.document import parse_document
from axm1_llm.descriptors.editing import EMPTY, entry_text, with_entry, without_entry
from axm1_llm.errors import DescriptorError
from growth import LINEAR, growth

FILE = """// my models
[
    // the small one,
    // for the kitchen
    {
        "model_name": "a", // "quoted" [1, 2]
        "run_cmd": "./a.sh" /* , { */
    }, // end of a

    /* the large one */
    {
        "model_name": "b",
        "aliases": ["x", "y"]
    }
    // the end
]
"""
NEW = {"model_name": "c", "aliases": ["z"]}


def read(text: str) -> object:
    return parse_document(text.encode(), Path("/models.json"))


def test_a_new_entry_stands_behind_the_others_and_changes_nothing_of_them() -> None:
    assert with_entry(FILE, NEW) == FILE.replace(
        "    }\n    // the end\n]\n",
        '    },\n    // the end\n    {\n        "model_name": "c",\n        "aliases": ["z"]\n    }\n]\n',
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (EMPTY, '[\n  {\n    "a": 1\n  }\n]\n'),
        ("[]", '[\n  {\n    "a": 1\n  }\n]'),
        ("[ // none yet\n]\n", '[ // none yet\n  {\n    "a": 1\n  }\n]\n'),
        ('[{"b": 2}]', '[{"b": 2},\n  {\n    "a": 1\n  }\n]'),
        (
            '[\r\n\t{\r\n\t\t"b": 2\r\n\t}\r\n]\r\n',
            '[\r\n\t{\r\n\t\t"b": 2\r\n\t},\r\n\t{\r\n\t\t"a": 1\r\n\t}\r\n]\r\n',
        ),
        ('\ufeff[{"b": 2}]', '\ufeff[{"b": 2},\n  {\n    "a": 1\n  }\n]'),
    ],
)
def test_a_new_entry_is_written_as_the_file_is(text: str, expected: str) -> None:
    assert with_entry(text, {"a": 1}) == expected


def test_an_entry_goes_with_the_comments_that_belong_to_it() -> None:
    assert (
        without_entry(FILE, 0)
        == FILE[: FILE.index("    // the small")] + FILE[FILE.index("\n    /* the l") :]
    )
    assert entry_text(FILE, 0).startswith("    // the small")
    assert entry_text(FILE, 0).endswith("}, // end of a\n")


def test_the_entry_before_the_last_loses_its_comma_when_that_goes() -> None:
    assert without_entry(FILE, 1) == (
        FILE[: FILE.index(", // end of a")] + " // end of a\n\n    // the end\n]\n"
    )


@pytest.mark.parametrize(
    ("text", "index", "expected"),
    [
        ('[{"a": 1}, {"b": 2}]', 0, '[{"b": 2}]'),
        ('[{"a": 1}, {"b": 2}]', 1, '[{"a": 1} ]'),
        ('[{"a": 1}]', 0, "[]"),
        ('[\n  {"a": 1}\n]\n', 0, "[\n]\n"),
    ],
)
def test_entries_that_share_a_line_can_go_alone(text: str, index: int, expected: str) -> None:
    assert without_entry(text, index) == expected


@settings(deadline=None)
@given(
    st.lists(
        st.dictionaries(st.text(max_size=4), st.text(max_size=4) | st.integers() | st.lists(st.integers()))
    ),
    st.sampled_from([None, 1, "\t"]),
    st.dictionaries(st.text(max_size=4), st.text(max_size=9), min_size=1),
)
def test_what_is_added_can_be_removed_again(
    entries: list[dict[str, object]], indent: int | str | None, new: dict[str, object]
) -> None:
    text = json.dumps(entries, indent=indent)
    added = with_entry(text, new)
    assert read(added) == [*entries, new]
    assert read(without_entry(added, len(entries))) == entries
    for index in range(len(entries)):
        assert read(without_entry(text, index)) == entries[:index] + entries[index + 1 :]


def test_comments_are_read_over_but_not_those_in_texts() -> None:
    assert read('[/* a */ "//b", // "c"\n"/* d */" /**/]') == ["//b", "/* d */"]


@pytest.mark.parametrize("text", ["[1 /* open ]", "[1, // the last\n]", '["a // b\n"]', "[1] /"])
def test_what_is_no_comment_is_an_error_in_its_place(text: str) -> None:
    with pytest.raises(DescriptorError, match=r"line [12], column"):
        read(text)


@pytest.mark.parametrize("unit", ['"', "/*", "/**", '"\\', "//\n", "/", '"a" /* b */'])
def test_comments_are_found_in_linear_time(unit: str) -> None:
    assert growth(lambda size: without_comments(unit * size), 5_000) < LINEAR


def test_a_file_with_comments_describes_its_models(tmp_path: Path) -> None:
    path = tmp_path / "model-descriptor.json"
    path.write_text(
        '// one\n[{"model_name": "a", "run_cmd": "./a.sh", /* b */ "model_path": "a", "tokenizer_port": 1}]'
    )
    (model,) = load_descriptors(path).models
    assert (model.model_name, model.model_path) == ("a", tmp_path / "a")
