from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from axm1_llm.runtime.prompts import NO_IMAGE, QUIT, RESET, encode_line

_COMMANDS = {b"q", b"reset", b"dd", b"pp", b""}
_AWKWARD = st.text(st.sampled_from("qresetdp \t\n\r\v\f\0\x02\x03\x1c\x85\u2028\ud800")) | st.text()


@settings(deadline=None)
@given(_AWKWARD)
@example("q\n")
@example("\x00q")
@example(" reset ")
@example("d\x02d")
@example("\ud800")
@example("\x1c\x1dpp")
def test_a_prompt_is_one_line_and_never_a_command(prompt: str) -> None:
    line = encode_line(prompt)
    body = line.removesuffix(b"\n")
    assert line == body + b"\n"
    assert body not in _COMMANDS
    assert len(body.decode().splitlines()) == 1
    assert not any(byte < 0x20 and byte != ord("\t") for byte in body)


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=3))
def test_a_plain_prompt_is_written_as_it_is(prompt: str) -> None:
    if (text := prompt.strip(" ")) and text != "reset":
        assert encode_line(prompt).rstrip(b"\n ") == text.encode().rstrip(b"\n ")


@pytest.mark.parametrize(
    ("prompt", "line"),
    [
        ("Was ist das?", b"Was ist das?\n"),
        ("one\ntwo\r\n\r\nthree", b"one two three\n"),
        ("q", b"q \n"),
        ("reset", b"reset \n"),
        ("dd", b"dd \n"),
        ("pp", b"pp \n"),
        ("", b" \n"),
        ("\n", b" \n"),
        ("Q", b"Q\n"),
        ("queue", b"queue\n"),
        ("a\x00\x02\x03b", b"ab\n"),
        ("世界 🌍", "世界 🌍\n".encode()),
        ("a\ud800b", b"a?b\n"),
    ],
)
def test_prompts_are_flattened(prompt: str, line: bytes) -> None:
    assert encode_line(prompt) == line


def test_the_command_lines_are_the_vendors_words() -> None:
    assert (RESET, QUIT, NO_IMAGE) == (b"reset\n", b"q\n", b"\n")
