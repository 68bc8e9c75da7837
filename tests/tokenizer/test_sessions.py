from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axm1_llm.tokenizer.prompts import CacheSize
from axm1_llm.tokenizer.sessions import Session, Sessions

ids = st.lists(st.integers(0, 3), max_size=6).map(tuple)


@given(ids, ids)
def test_what_is_missing_after_what_is_held_makes_the_prompt_and_is_never_empty(
    held: tuple[int, ...], prompt: tuple[int, ...]
) -> None:
    missing = Session(held=held).missing(prompt)
    if missing is None:
        assert prompt[: len(held)] != held or len(held) >= len(prompt)
    else:
        assert missing
        assert held + missing == prompt


def test_nothing_fits_after_what_is_not_known() -> None:
    assert Session(held=None).missing((1, 2)) is None


def test_the_number_that_the_runtime_printed_is_believed() -> None:
    session = Session(held=(1, 2))
    session.settle((3, 4, 5), held=4, complete=False)
    assert session.held == (1, 2, 3, 4)


def test_without_that_number_a_complete_answer_is_counted() -> None:
    session = Session(held=(1, 2))
    session.settle((3, 4), held=None, complete=True)
    assert session.held == (1, 2, 3, 4)


def test_after_a_stop_without_that_number_nothing_is_certain() -> None:
    session = Session(held=(1, 2))
    session.settle((3, 4), held=None, complete=False)
    assert session.held is None


@pytest.mark.parametrize(
    ("held", "remaining", "cache", "most"),
    [
        (25, None, None, 10_000),  # nothing is known
        (25, 100, None, 100),
        (25, None, CacheSize(768, 128), 640),  # 743 are left: five whole chunks
        (128, None, CacheSize(768, 128), 640),
        (25, 300, CacheSize(768, 128), 256),
        (0, None, CacheSize(768, 128), 10_000),  # the limit of a prompt is looked at elsewhere
    ],
)
def test_room_is_counted_in_whole_chunks_behind_what_is_held(
    held: int, remaining: int | None, cache: CacheSize | None, most: int
) -> None:
    session = Session(held=(1,) * held, remaining=remaining)
    assert session.has_room(most, cache)
    if most < 10_000:
        assert not session.has_room(most + 1, cache)


def test_a_new_start_forgets_what_remained() -> None:
    session = Session(held=(1,), remaining=2)
    assert not session.has_room(3, None)
    session.start((1,))
    assert session.has_room(3, None)


def test_after_an_answer_to_two_conversations_at_once_nothing_is_certain() -> None:
    session = Session(held=(1, 2), unreset=True)
    session.settle((3,), held=3, complete=True)
    assert (session.held, session.unreset) == (None, False)


def test_a_number_beyond_all_that_was_seen_makes_everything_uncertain() -> None:
    session = Session(held=(1, 2))
    session.settle((3,), held=9, complete=True)
    assert session.held is None


def test_the_newest_context_build_is_the_one_that_counts() -> None:
    sessions = Sessions()
    assert sessions.context is None
    sessions.of("127.0.0.1")
    assert sessions.context is None
    uid = sessions.new_uid()
    assert sessions.context is sessions.of_context(uid)


def test_of_a_context_build_that_another_gateway_met_nothing_is_known() -> None:
    sessions = Sessions()
    assert sessions.of_context("from before").held is None
    assert sessions.context is sessions.of_context("from before")


def test_the_number_of_sessions_is_bounded() -> None:
    sessions = Sessions()
    first = sessions.of("first")
    for number in range(100):
        sessions.of(str(number))
    assert len(sessions._sessions) == 8
    assert sessions.of("first") is not first
