"""The states of a model's tokenizer, and the one table that says how they follow each other."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

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

HISTORY_LENGTH = 200


class IllegalTransitionError(Exception):
    """The table has no such row: a defect of this program, never of its input."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One applied row of the table.

    Attributes:
        source: the state before.
        target: the state after.
        trigger: what moved it.
        at: seconds since the epoch, for display only.
        reason: for failures, in the user's terms; otherwise empty.
    """

    source: State
    target: State
    trigger: Trigger
    at: float
    reason: str = ""


class StateMachine:
    """The state of one tokenizer, and how it came to it.

    Args:
        wall_clock: seconds since the epoch.
        on_transition: called after each one.
    """

    def __init__(self, wall_clock: Callable[[], float], on_transition: Callable[[Transition], None]) -> None:
        self._wall_clock = wall_clock
        self._on_transition = on_transition
        self.state = State.IDLE
        self.since = wall_clock()
        self.history: deque[Transition] = deque(maxlen=HISTORY_LENGTH)

    def fire(self, trigger: Trigger, reason: str = "") -> None:
        """Apply the row for `trigger`.

        Raises:
            IllegalTransitionError: the table has none; nothing has changed.
        """
        target = TABLE[self.state].get(trigger)
        if target is None:
            raise IllegalTransitionError(f"{trigger!r} is not allowed in {self.state!r}")
        transition = Transition(self.state, target, trigger, self._wall_clock(), reason)
        self.state, self.since = target, transition.at
        self.history.append(transition)
        self._on_transition(transition)
