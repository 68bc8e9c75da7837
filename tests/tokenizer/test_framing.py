from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from axm1_llm.tokenizer.framing import UNDECODED, frames
from tokenizer.runtime_calls import unframed

texts = st.lists(st.none() | st.text(st.characters() | st.sampled_from("\x00\x02\x03\x10?")))


@given(texts)
def test_what_is_framed_comes_back_token_by_token(tokens: list[str | None]) -> None:
    assert unframed(frames(tokens)) == tokens


@given(texts)
def test_no_control_character_of_a_text_stands_in_a_frame(tokens: list[str | None]) -> None:
    framed = frames(tokens)
    assert "\x00" not in framed
    assert framed.count("\x02") == framed.count("\x03") == len(tokens)


def test_an_escape_is_the_character_with_bit_six_flipped() -> None:
    assert frames(["\x00\x02\x03\x10"]) == "\x02\x10\x40\x10\x42\x10\x43\x10\x50\x03"


def test_an_undecoded_token_is_a_frame_that_no_text_gives() -> None:
    assert frames([None]) == UNDECODED == "\x02\x10?\x03"
    assert frames(["\x10?"]) != UNDECODED
