from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from axm1_llm.answer.stops import StopFilter

SHORT = st.text("abc", min_size=1, max_size=3)


def run(stops: tuple[str, ...], pieces: list[str]) -> tuple[str, str | None]:
    wanted = StopFilter(stops)
    text = "".join(wanted.feed(piece) for piece in pieces)
    return text + wanted.flush(), wanted.hit


@given(st.lists(SHORT, max_size=2).map(tuple), st.lists(st.text("abc", max_size=4)))
def test_the_text_before_the_first_stop_comes_through_however_it_is_cut(
    stops: tuple[str, ...], pieces: list[str]
) -> None:
    whole = "".join(pieces)
    ends = [at for stop in stops if (at := whole.find(stop)) >= 0]
    text, hit = run(stops, pieces)
    assert (hit in stops) == bool(ends)
    if hit:
        assert hit in whole
        # Found as the text streams: of two sequences the one that is complete first ends the answer.
        first = min((whole.find(stop) + len(stop), whole.find(stop)) for stop in stops if stop in whole)
        assert text in {whole[: min(ends)], whole[: first[1]]}
    else:
        assert text == whole


def test_what_cannot_be_a_stop_is_not_held_back() -> None:
    wanted = StopFilter(("END",))
    assert wanted.feed("abc E") == "abc "
    assert wanted.feed("x") == "Ex"


def test_nothing_passes_after_a_stop() -> None:
    wanted = StopFilter(("END",))
    assert wanted.feed("a END b") == "a "
    assert wanted.feed("more") == ""
    assert wanted.flush() == ""
