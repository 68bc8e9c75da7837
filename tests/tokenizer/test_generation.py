from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from axm1_llm.tokenizer.generation import Generation, Outcome


def heard(*calls: list[int]) -> Generation:
    generation = Generation()
    for ids in calls:
        generation.hear(ids)
    return generation


def groups(ids: list[int], *, stopped: bool) -> list[list[int]]:
    found = [ids[start : start + 3] for start in range(0, len(ids), 3)]
    return [group for group in found if len(group) == 3 or not stopped]


# Few different ids, so that groups repeat themselves and look like the whole answer.
answers = st.lists(st.integers(0, 2), min_size=1, max_size=24)


@given(ids=answers, stopped=st.booleans())
def test_the_whole_answer_is_known_when_it_is_over(ids: list[int], *, stopped: bool) -> None:
    live = groups(ids, stopped=stopped)
    outcome = heard(*live, ids).outcome(printed=sum(map(len, live)))
    assert outcome == Outcome(tuple(ids), ended=True)


@given(answers)
def test_without_live_print_the_only_call_is_the_answer(ids: list[int]) -> None:
    assert heard(ids).outcome(printed=len(ids)) == Outcome(tuple(ids), ended=True)


@given(answers)
def test_a_runtime_that_died_is_known_as_far_as_it_came(ids: list[int]) -> None:
    live = groups(ids, stopped=False)
    outcome = heard(*live).outcome(printed=len(ids))
    assert outcome.ids == tuple(ids)
    assert outcome.ended == (len(live) == 1)  # one call alone may be all there is


def test_an_answer_stopped_within_its_first_group_was_not_printed_at_all() -> None:
    assert heard([7, 8]).outcome(printed=0) == Outcome((7, 8), ended=True)


def test_a_group_that_repeats_the_answer_so_far_is_told_from_the_last_call_by_what_was_printed() -> None:
    calls = [[1, 2, 3], [1, 2, 3]]
    assert heard(*calls).outcome(printed=3) == Outcome((1, 2, 3), ended=True)
    assert heard(*calls).outcome(printed=6) == Outcome((1, 2, 3, 1, 2, 3), ended=False)


def test_nothing_heard_is_no_answer() -> None:
    assert heard().outcome(printed=0) == Outcome((), ended=False)


def test_a_call_longer_than_a_group_that_starts_with_everything_so_far_is_the_last_one() -> None:
    generation = heard([1, 2, 3])
    assert not generation.is_whole([1, 2, 3])
    assert not generation.is_whole([4, 5, 6])
    assert not generation.is_whole([9, 9, 9, 9])
    assert generation.is_whole([1, 2, 3, 4])
    assert not heard().is_whole([1, 2, 3, 4])


def test_a_runtime_with_larger_groups_is_not_taken_for_one_that_has_ended() -> None:
    generation = heard([1, 1, 1, 1, 1])
    assert not generation.is_whole([1, 1, 1, 1, 1])
    assert generation.is_whole([1, 1, 1, 1, 1, 1])
