"""The states of a model, and the one table that says how they follow each other.

The picture in the documentation is drawn from the table.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from axm1_llm.transitions import StateMachine, Transition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class State(StrEnum):
    """What a model is doing."""

    IDLE = "idle"
    WAITING_FOR_CARD = "waiting_for_card"
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
    State.WAITING_FOR_CARD: "Others fill the card; the model is loaded when one of them has left.",
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

    WAIT = "wait"
    LEAVE = "leave"
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

_AT_REST: Mapping[Trigger, State] = {
    Trigger.WAIT: State.WAITING_FOR_CARD,
    Trigger.LOAD: State.WAITING_FOR_TOKENIZER,
    Trigger.FAIL: State.FAILED,
}

TABLE: Mapping[State, Mapping[Trigger, State]] = {
    State.IDLE: _AT_REST,
    State.WAITING_FOR_CARD: {
        Trigger.LOAD: State.WAITING_FOR_TOKENIZER,
        Trigger.LEAVE: State.IDLE,
        Trigger.FAIL: State.FAILED,
    },
    State.WAITING_FOR_TOKENIZER: {**_LIVE, Trigger.TOKENIZER_READY: State.STARTING},
    State.STARTING: {**_LIVE, Trigger.OUTPUT_SEEN: State.INITIALIZING},
    State.INITIALIZING: {**_LIVE, Trigger.PROMPT_MARK: State.READY},
    State.READY: {**_LIVE, Trigger.PROMPT_WRITTEN: State.PROCESSING_PROMPT},
    State.PROCESSING_PROMPT: {**_BUSY, Trigger.FIRST_TOKEN: State.OUTPUTTING},
    State.OUTPUTTING: _BUSY,
    State.CANCELLING: {**_LIVE, Trigger.PROMPT_MARK: State.READY},
    State.STOPPING: {Trigger.EXITED: State.IDLE, Trigger.FAIL: State.FAILED},
    State.FAILED: {**_AT_REST, Trigger.LEAVE: State.IDLE},
}

LOADED = frozenset({State.READY, State.PROCESSING_PROMPT, State.OUTPUTTING, State.CANCELLING})


Move = Transition[State, Trigger]
ModelStates = StateMachine[State, Trigger]


def model_states(wall_clock: Callable[[], float], on_transition: Callable[[Move], None]) -> ModelStates:
    """A model that was never asked for."""
    return StateMachine(TABLE, State.IDLE, wall_clock, on_transition)
