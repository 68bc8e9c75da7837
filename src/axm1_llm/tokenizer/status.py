"""What the tokenizer-service tells about a tokenizer, as JSON values."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from axm1_llm.tokenizer.states import Move
    from axm1_llm.tokenizer.tokenizer import ModelTokenizer

_LAST = 20


def summary(tokenizer: ModelTokenizer) -> dict[str, object]:
    """State, since when, where its gateway listens, and why it failed."""
    failure = tokenizer.failure
    return {
        "model": tokenizer.model,
        "status": tokenizer.machine.state,
        "since": _time(tokenizer.machine.since),
        "tokenizer": tokenizer.descriptor.tokenizer,
        "tokenizer_port": tokenizer.descriptor.tokenizer_port,
        "failure": None if failure is None else {"reason": failure.reason, "log": list(failure.log_tail)},
    }


def status(tokenizer: ModelTokenizer) -> dict[str, object]:
    """The summary with the last transitions."""
    history = tokenizer.machine.history
    last = islice(history, max(0, len(history) - _LAST), None)
    return {**summary(tokenizer), "transitions": [_transition(one) for one in last]}


def history(tokenizer: ModelTokenizer) -> dict[str, object]:
    """All transitions that are kept, oldest first."""
    return {
        "model": tokenizer.model,
        "transitions": [_transition(one) for one in tokenizer.machine.history],
    }


def _transition(transition: Move) -> dict[str, object]:
    told: dict[str, object] = {
        "from": transition.source,
        "to": transition.target,
        "at": _time(transition.at),
        "trigger": transition.trigger,
    }
    if transition.reason:
        told["reason"] = transition.reason
    return told


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
