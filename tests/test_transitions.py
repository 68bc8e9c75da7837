from __future__ import annotations

from enum import StrEnum

import pytest

from axm1_llm.transitions import HISTORY_LENGTH, IllegalTransitionError, StateMachine, Transition


class Light(StrEnum):
    RED = "red"
    GREEN = "green"


class Event(StrEnum):
    GO = "go"
    STOP = "stop"


Machine = StateMachine[Light, Event]
TABLE = {Light.RED: {Event.GO: Light.GREEN}, Light.GREEN: {Event.STOP: Light.RED}}


def test_an_event_moves_the_state_and_is_kept_and_reported() -> None:
    told: list[Transition[Light, Event]] = []
    machine: Machine = StateMachine(TABLE, Light.RED, lambda: 1.5, told.append)
    machine.fire(Event.GO, "why")
    assert (machine.state, machine.since) == (Light.GREEN, 1.5)
    assert list(machine.history) == told == [Transition(Light.RED, Light.GREEN, Event.GO, 1.5, "why")]


def test_an_event_without_a_row_raises_and_changes_nothing() -> None:
    told: list[Transition[Light, Event]] = []
    machine: Machine = StateMachine(TABLE, Light.RED, lambda: 1.5, told.append)
    with pytest.raises(IllegalTransitionError, match="'stop'"):
        machine.fire(Event.STOP)
    assert (machine.state, list(machine.history), told) == (Light.RED, [], [])


def test_the_history_is_bounded_and_keeps_the_newest() -> None:
    machine: Machine = StateMachine(TABLE, Light.RED, lambda: 0.0, lambda _: None)
    for _ in range(HISTORY_LENGTH):
        machine.fire(Event.GO)
        machine.fire(Event.STOP, "last")
    assert len(machine.history) == HISTORY_LENGTH
    assert machine.history[-1].reason == "last"
