"""The states of a model, and the one table that says how they follow each other.

All that affects the states is in this file. An event that the table does not allow raises and changes
nothing. The picture in the documentation is drawn from the table.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class State(StrEnum):
    """What a model is doing."""

    IDLE = "idle"
    WAITING_FOR_TOKENIZER = "waiting_for_tokenizer"
    STARTING = "starting"
    INITIALIZING = "initializing"
    READY = "ready"
    PROCESSING_PROMPT = "processing_prompt"
    OUTPUTTING = "outputting"
    CANCELLING = "cancelling"
    STOPPING = "stopping"
    FAILED = "failed"


MEANINGS: Mapping[State, str] = {
    State.IDLE: "Not loaded; the next request loads it.",
    State.WAITING_FOR_TOKENIZER: "Its tokenizer is being started; the runtime follows.",
    State.STARTING: "The run script was started and has printed nothing yet.",
    State.INITIALIZING: "The runtime loads its layers onto the card.",
    State.READY: "The runtime shows its prompt mark and waits for a prompt.",
    State.PROCESSING_PROMPT: "A prompt was handed over; no token has come back yet (prefill).",
    State.OUTPUTTING: "Tokens come back (decode).",
    State.CANCELLING: "The rest of the answer is not wanted; the runtime was interrupted.",
    State.STOPPING: "The runtime was asked to leave.",
    State.FAILED: "The runtime did not come up or died; the next request tries again.",
}


class Trigger(StrEnum):
    """What moves a model from one state to the next."""

    LOAD = "load"
    TOKENIZER_READY = "tokenizer_ready"
    OUTPUT_SEEN = "output_seen"
    PROMPT_MARK = "prompt_mark"
    PROMPT_WRITTEN = "prompt_written"
    FIRST_TOKEN = "first_token"  # noqa: S105 - not a secret
    CANCEL = "cancel"
    STOP = "stop"
    EXITED = "exited"
    FAIL = "fail"


_LIVE: Mapping[Trigger, State] = {Trigger.STOP: State.STOPPING, Trigger.FAIL: State.FAILED}
_BUSY: Mapping[Trigger, State] = {
    **_LIVE,
    Trigger.CANCEL: State.CANCELLING,
    Trigger.PROMPT_MARK: State.READY,
}

TABLE: Mapping[State, Mapping[Trigger, State]] = {
    State.IDLE: {Trigger.LOAD: State.WAITING_FOR_TOKENIZER, Trigger.FAIL: State.FAILED},
    State.WAITING_FOR_TOKENIZER: {**_LIVE, Trigger.TOKENIZER_READY: State.STARTING},
    State.STARTING: {**_LIVE, Trigger.OUTPUT_SEEN: State.INITIALIZING},
    State.INITIALIZING: {**_LIVE, Trigger.PROMPT_MARK: State.READY},
    State.READY: {**_LIVE, Trigger.PROMPT_WRITTEN: State.PROCESSING_PROMPT},
    State.PROCESSING_PROMPT: {**_BUSY, Trigger.FIRST_TOKEN: State.OUTPUTTING},
    State.OUTPUTTING: _BUSY,
    State.CANCELLING: {**_LIVE, Trigger.PROMPT_MARK: State.READY},
    State.STOPPING: {Trigger.EXITED: State.IDLE, Trigger.FAIL: State.FAILED},
    State.FAILED: {Trigger.LOAD: State.WAITING_FOR_TOKENIZER, Trigger.FAIL: State.FAILED},
}

LOADED = frozenset({State.READY, State.PROCESSING_PROMPT, State.OUTPUTTING, State.CANCELLING})
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
    """The state of one model, and how it came to it.

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
