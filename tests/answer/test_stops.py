from __future__ import annotations

from axm1_llm.answer.stops import StopFilter


def run(stops: tuple[str, ...], pieces: list[str]) -> tuple[str, str | None]:
    wanted = StopFilter(stops)
    text = "".join(wanted.feed(piece) for piece in pieces)
    return text + wanted.flush(), wanted.hit


def test_of_two_sequences_the_one_that_is_complete_first_ends_the_answer_in_any_chunks() -> None:
    # "abcd" begins first, but "bc" is there before anybody can know that "abcd" comes.
    assert run(("abcd", "bc"), ["xabcdy"]) == run(("abcd", "bc"), [*"xabcdy"]) == ("xa", "bc")


def test_what_cannot_be_a_stop_is_not_held_back() -> None:
    wanted = StopFilter(("END",))
    assert wanted.feed("abc E") == "abc "
    assert wanted.feed("x") == "Ex"


def test_nothing_passes_after_a_stop() -> None:
    wanted = StopFilter(("END",))
    assert wanted.feed("a END b") == "a "
    assert wanted.feed("more") == ""
    assert wanted.flush() == ""
