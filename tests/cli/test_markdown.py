from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from axm1_llm.cli.chat.markdown import AnswerMarkdown, split_blocks


def _drawn(text: str, width: int = 40) -> str:
    screen = Console(file=io.StringIO(), width=width, color_system=None)
    with screen.capture() as captured:
        screen.print(AnswerMarkdown(text))
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("one", ""),
        ("one\n\n", ""),
        ("one\n\ntwo", ""),
        ("one\n\ntwo\n", "one\n\n"),
        ("text\n-", ""),
        ("- a\n- b\n\n- c\n", ""),
        ("```\na\n\nb\n", ""),
        ("```\na\n```\nnext\n", "```\na\n```\n"),
        ("a\u2028b\n\nnext\n", "a\u2028b\n\n"),
    ],
)
def test_a_block_is_whole_when_nothing_can_change_it(text: str, whole: str) -> None:
    assert split_blocks(text) == (whole, text[len(whole) :])


@given(st.text(alphabet="ab \n#-*`|>1.<\u2028\r\x0b"))
def test_no_character_is_lost_between_the_blocks(text: str) -> None:
    assert "".join(split_blocks(text)) == text


def test_lines_stay_lines_tags_stay_and_links_show_where_they_lead() -> None:
    assert _drawn("# Head\n\none\ntwo <b>x</b>\n\n<div>kept</div>") == (
        "Head\n\none\ntwo <b>x</b>\n\n<div>kept</div>"
    )
    assert "here (http://x.example/)" in _drawn("[here](http://x.example/)")
