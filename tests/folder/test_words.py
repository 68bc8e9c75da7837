from __future__ import annotations

import pytest

from axm1_llm.folder.words import Operator, Word, read_words


def words(text: str) -> list[str]:
    return [token.text for token in read_words(text) if isinstance(token, Word)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("./main --a 1", ["./main", "--a", "1"]),
        ("a \\\n  b", ["a", "b"]),
        ("a \\\r\n  b\r\n", ["a", "b"]),
        ("a\\\nb", ["ab"]),
        ("a 'b c' \"d e\"f", ["a", "b c", "d ef"]),
        ('--system_prompt "say \\"hi\\" to $USER"', ["--system_prompt", 'say "hi" to $USER']),
        ("a # b c\nd#e", ["a", "d#e"]),
        ("a \\ b", ["a", " b"]),
        ('--prompt ""', ["--prompt", ""]),
        ("'$1' $$", ["$1", "$$"]),
        ("a $(b c) d", ["a", "$(b c)", "d"]),
        ("a <<END\nb c\nEND\nd", ["a", "END", "d"]),
        ('"unclosed', ["unclosed"]),
        ("\ufeffa", ["a"]),
        ("a\\", ["a"]),
    ],
)
def test_a_script_is_cut_into_words_as_a_shell_does(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_every_word_stands_where_its_span_says() -> None:
    text = "#!/bin/sh\n./main \\\n  --url 'http://x:1' \\\n  --prompt \"$2\" --a=b\n"
    for token in read_words(text):
        if isinstance(token, Word):
            assert text[token.span.start : token.span.end] == token.raw
            assert text.count("\n", 0, token.span.start) + 1 == token.span.line


def test_variables_are_told_with_whether_they_stand_in_quotes() -> None:
    (quoted, bare, default, literal) = (
        token for token in read_words("\"http://h:$1\" $2 ${X:-http://h:$1} '$3'") if isinstance(token, Word)
    )
    assert (quoted.variables, quoted.unquoted_variables) == (("1",), ())
    assert (bare.variables, bare.unquoted_variables) == (("2",), ("2",))
    assert (default.variables, default.pieces[0].default) == (("X",), "http://h:$1")
    assert literal.variables == ()


def test_a_word_has_a_value_when_its_variables_are_known() -> None:
    (word,) = (token for token in read_words('"$A/x"') if isinstance(token, Word))
    assert word.value({"A": "b"}) == "b/x"
    assert word.value({}) is None


def test_what_only_a_shell_can_work_out_has_no_value() -> None:
    for text in ("$(pwd)/x", "`pwd`", "${A%b}"):
        (word,) = (token for token in read_words(text) if isinstance(token, Word))
        assert (word.text, word.value({"A": "a"})) == (text, None)


def test_operators_stand_between_the_words() -> None:
    found = [token.text for token in read_words("a && b; c | d &\n") if isinstance(token, Operator)]
    assert found == ["&&", ";", "|", "&", "\n"]


def test_a_value_that_doubles_with_each_line_is_given_up() -> None:
    (word,) = (token for token in read_words("$A$A") if isinstance(token, Word))
    known = {"A": "x"}
    for _ in range(100):
        if (value := word.value(known)) is None:
            break
        known["A"] = value
    assert len(known["A"]) == 64 * 1024
