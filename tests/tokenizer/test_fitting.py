from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from axm1_llm.tokenizer.fitting import longest_fitting, shortenings
from axm1_llm.tokenizer.prompts import Message

turns = st.lists(
    st.builds(Message, st.sampled_from(["system", "user", "assistant", "tool"]), st.text(max_size=3)),
    max_size=9,
)


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
    roles = ["system", "user", "assistant", "tool", "assistant", "user", "assistant", "user"]
    conversation = [Message(role, str(index)) for index, role in enumerate(roles)]
    starts = ["".join(turn.content for turn in choice) for choice in shortenings(conversation)]
    assert starts == ["01234567", "0567", "07"]


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
