from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from axm1_llm.tokenizer.fitting import longest_fitting, shortenings
from axm1_llm.tokenizer.prompts import Message

CALL = {"tool_calls": [{"function": {"name": "f", "arguments": {}}}]}

turns = st.lists(
    st.builds(
        Message,
        st.sampled_from(["system", "user", "assistant", "tool"]),
        st.text(max_size=3),
        st.sampled_from([{}, CALL]),
    ),
    max_size=9,
)


def talk(roles: str) -> list[Message]:
    """Turns numbered from 0: s, u, a, t for the roles, c for a turn with calls."""
    names = {"s": "system", "u": "user", "a": "assistant", "c": "assistant", "t": "tool"}
    return [Message(names[role], str(index), CALL if role == "c" else {}) for index, role in enumerate(roles)]


def left(roles: str) -> list[str]:
    """Which turns each shortening leaves."""
    return ["".join(turn.content for turn in choice) for choice in shortenings(talk(roles))]


@given(turns)
def test_system_turns_and_the_last_turn_are_never_dropped(conversation: list[Message]) -> None:
    for shorter in shortenings(conversation):
        assert [turn for turn in shorter if turn.role == "system"] == [
            turn for turn in conversation if turn.role == "system"
        ]
        talk = [turn for turn in conversation if turn.role != "system"]
        assert [turn for turn in shorter if turn.role != "system"][-1:] == talk[-1:]


@given(turns)
def test_each_shortening_drops_more_of_the_oldest(conversation: list[Message]) -> None:
    choices = shortenings(conversation)
    assert choices[0] == tuple(conversation)
    lengths = [len(choice) for choice in choices]
    assert lengths == sorted(set(lengths), reverse=True)


def test_what_is_left_starts_with_a_user_turn() -> None:
    assert left("suauau") == ["012345", "0345", "05"]
    assert left("suaua") == ["01234", "034", "04"]


def test_a_tool_exchange_goes_as_a_whole() -> None:
    assert left("suctauau") == ["01234567", "0567", "07"]
    # The last turn is a result: its call stays, and so does the question.
    assert left("suauct") == ["012345", "0345"]
    assert left("suct") == ["0123"]
    assert left("suctt") == ["01234"]


def test_the_oldest_exchanges_of_a_long_chain_go_and_the_question_stays() -> None:
    assert left("suauctctct") == ["0123456789", "03456789", "036789", "0389"]
    assert left("ucttct") == ["012345", "045"]


@given(turns)
def test_no_result_is_left_without_its_call(conversation: list[Message]) -> None:
    whole = _orphans(conversation)
    for shorter in shortenings(conversation):
        assert _orphans(shorter) <= whole


def _orphans(turns: Sequence[Message]) -> int:
    """Results before which nobody called a tool, not counting system and user turns between."""
    count, called = 0, False
    for turn in turns:
        called = called or bool(turn.extra.get("tool_calls")) or turn.role == "assistant"
        count += turn.role == "tool" and not called
    return count


@given(st.integers(1, 40), st.integers(1, 41))
def test_the_search_finds_the_longest_that_fits(count: int, first_fitting: int) -> None:
    search = longest_fitting(count)
    found: int | None = None
    asked = 0
    try:
        index = next(search)
        while True:
            asked += 1
            index = search.send(index >= first_fitting)
    except StopIteration as done:
        found = done.value
    assert found == (first_fitting if first_fitting < count else None)
    assert asked <= 6  # halves, so that a long history is not encoded once a turn
