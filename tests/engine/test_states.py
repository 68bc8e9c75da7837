from __future__ import annotations

import itertools

import pytest

from axm1_llm.engine.states import (
    HISTORY_LENGTH,
    MEANINGS,
    TABLE,
    IllegalTransitionError,
    State,
    StateMachine,
    Transition,
    Trigger,
)


def machine_in(state: State) -> StateMachine:
    machine = StateMachine(lambda: 1.0, lambda _: None)
    machine.state = state
    return machine


@pytest.mark.parametrize(("state", "trigger"), list(itertools.product(State, Trigger)))
def test_each_event_does_what_the_table_says_or_changes_nothing(state: State, trigger: Trigger) -> None:
    machine = machine_in(state)
    target = TABLE[state].get(trigger)
    if target is None:
        with pytest.raises(IllegalTransitionError, match=repr(trigger.value)):
            machine.fire(trigger)
        assert machine.state is state
        assert not machine.history
    else:
        machine.fire(trigger, "why")
        assert machine.state is target
        assert list(machine.history) == [Transition(state, target, trigger, 1.0, "why")]


def test_every_state_is_explained_and_has_a_way_out() -> None:
    assert set(MEANINGS) == set(State)
    assert all(TABLE[state] for state in State)


def test_every_state_can_be_reached_from_idle() -> None:
    reached, frontier = {State.IDLE}, [State.IDLE]
    while frontier:
        for target in TABLE[frontier.pop()].values():
            if target not in reached:
                reached.add(target)
                frontier.append(target)
    assert reached == set(State)


def test_the_history_is_bounded_and_each_transition_is_reported() -> None:
    seen: list[Transition] = []
    machine = StateMachine(lambda: 1.0, seen.append)
    for _ in range(HISTORY_LENGTH):
        machine.fire(Trigger.LOAD)
        machine.fire(Trigger.FAIL)
    assert len(machine.history) == HISTORY_LENGTH
    assert len(seen) == 2 * HISTORY_LENGTH
    assert machine.history[-1] is seen[-1]
