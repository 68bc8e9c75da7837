from __future__ import annotations

from axm1_llm.tokenizer.states import TABLE, State, Trigger


def test_every_state_can_be_reached_and_left() -> None:
    assert set(TABLE) == set(State)
    assert {target for row in TABLE.values() for target in row.values()} == set(State)


def test_only_an_answer_makes_a_tokenizer_ready() -> None:
    into_ready = {
        trigger for row in TABLE.values() for trigger, target in row.items() if target is State.READY
    }
    assert into_ready == {Trigger.ANSWERED}
