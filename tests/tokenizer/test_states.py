from __future__ import annotations

import itertools

import pytest

from axm1_llm.tokenizer.states import (
    HISTORY_LENGTH,
    TABLE,
    IllegalTransitionError,
    State,
    StateMachine,
    Transition,
    Trigger,
)


def machine_in(state: State, told: list[Transition] | None = None) -> StateMachine:
    machine = StateMachine(lambda: 1.5, (told if told is not None else []).append)
    machine.state = state
    return machine


@pytest.mark.parametrize(("state", "trigger"), list(itertools.product(State, Trigger)))
def test_every_state_and_trigger_does_what_the_table_says(state: State, trigger: Trigger) -> None:
    told: list[Transition] = []
    machine = machine_in(state, told)
    target = TABLE[state].get(trigger)
    if target is None:
        with pytest.raises(IllegalTransitionError):
            machine.fire(trigger)
        assert (machine.state, list(machine.history), told) == (state, [], [])
    else:
        machine.fire(trigger, "why")
        assert machine.state is target
        assert list(machine.history) == told == [Transition(state, target, trigger, 1.5, "why")]


def test_every_state_can_be_reached_and_left() -> None:
    assert set(TABLE) == set(State)
    assert {target for row in TABLE.values() for target in row.values()} == set(State)


def test_the_history_is_bounded() -> None:
    machine = machine_in(State.IDLE)
    for _ in range(HISTORY_LENGTH):
        machine.fire(Trigger.START)
        machine.fire(Trigger.FAIL)
    assert len(machine.history) == HISTORY_LENGTH
