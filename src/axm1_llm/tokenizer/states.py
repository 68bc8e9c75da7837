"""The states of a model's tokenizer, and the one table that says how they follow each other."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from axm1_llm.transitions import StateMachine, Transition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class State(StrEnum):
    """What a tokenizer is doing."""

    IDLE = "idle"
    STARTING = "starting"
    READY = "ready"
    FAILED = "failed"
    STOPPING = "stopping"


class Trigger(StrEnum):
    """What moves a tokenizer from one state to the next."""

    START = "start"
    ANSWERED = "answered"
    FAIL = "fail"
    STOP = "stop"
    STOPPED = "stopped"


TABLE: Mapping[State, Mapping[Trigger, State]] = {
    State.IDLE: {Trigger.START: State.STARTING},
    State.STARTING: {
        Trigger.ANSWERED: State.READY,
        Trigger.FAIL: State.FAILED,
        Trigger.STOP: State.STOPPING,
    },
    State.READY: {Trigger.FAIL: State.FAILED, Trigger.STOP: State.STOPPING},
    # A script that was ready once is started again and again; its gateway answers meanwhile.
    State.FAILED: {Trigger.START: State.STARTING, Trigger.STOP: State.STOPPING},
    State.STOPPING: {Trigger.STOPPED: State.IDLE},
}

Move = Transition[State, Trigger]


def tokenizer_states(
    wall_clock: Callable[[], float], on_transition: Callable[[Move], None]
) -> StateMachine[State, Trigger]:
    """A tokenizer that was never asked for."""
    return StateMachine(TABLE, State.IDLE, wall_clock, on_transition)
