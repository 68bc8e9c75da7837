"""The faults of what stands behind the runtime: a model's tokenizer script, and the tokenizer-service."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from matrix.cell import (
    ANSWER,
    BROKEN_OFF,
    GONE,
    INTERRUPTED,
    NOTHING,
    SOON,
    UNHEARD,
    UNSTOPPED,
    Cell,
    Path,
    held,
)
from matrix.outcomes import (
    BEHIND,
    BEHIND_KEPT,
    BROKEN,
    LATE,
    LEAVES,
    LEFT,
    LEFT_REPLACED,
    REPLACED,
    RETRIED,
    RETRIED_KEPT,
    STOPPED,
    UNDECODED,
    UNTOUCHED,
    Outcome,
    Phase,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCRIPT = 15.0  # seconds until a tokenizer script that hangs is found out, ended and started again
_SERVICE = 10.0  # the same for the tokenizer-service; and until one that died often is started again
_IMPORTS = 15.0  # seconds: its start is Python's, which took 11 s while all other cells were played (seen)
_UNDECODED = "did not decode a token in time"
_BY_ENCODE = frozenset({Phase.IDLE, Phase.LOADING})  # the next that is asked is to encode


def cells() -> Iterator[Cell]:
    """All of them."""
    for phase, outcome, struck in _SLOW:
        call = "encode" if phase in _BY_ENCODE else "decode"
        name, trouble = "script tokenizer slow", f"slow_in_{call}"
        yield Cell(name, phase, outcome, struck, held(phase), "trouble", trouble=trouble)
    for phase, outcome, struck in (*_RUNTIME_STAYS, *_NOT_ASKED):
        cell = Cell("script tokenizer hung", phase, outcome, struck, held(phase), "freeze_script_tokenizer")
        yield replace(cell, reason=_UNDECODED, trouble="none", within=_SCRIPT + SOON, again=_SCRIPT + SOON)
    for name, what in (("script tokenizer gone", "die"), ("script tokenizer garbage", "garbage")):
        for phase, outcome, struck in _RUNTIME_STAYS:
            call = "encode" if phase in _BY_ENCODE else "decode"
            cell = Cell(name, phase, outcome, struck, held(phase), "trouble", trouble=f"{what}_in_{call}")
            yield replace(cell, reason=_UNDECODED)
    for name, blow in (
        ("tokenizer-service gone", "kill_tokenizer_service"),
        ("tokenizer-service hung", "freeze_tokenizer_service"),
    ):
        for phase, outcome, struck, reason in _RUNTIME_DIES:
            cell = Cell(name, phase, outcome, struck, held(phase), blow, reason=reason, own_service=True)
            yield replace(cell, within=_SERVICE + _IMPORTS + SOON, again=_SERVICE + _IMPORTS + SOON)


_SLOW: tuple[tuple[Phase, Outcome, Path], ...] = (
    (Phase.IDLE, UNTOUCHED, NOTHING),
    (Phase.LOADING, UNTOUCHED, NOTHING),
    (Phase.QUEUED, UNTOUCHED, ANSWER),
    (Phase.PREFILL, UNTOUCHED, NOTHING),
    (Phase.OUTPUT, UNTOUCHED, NOTHING),
)

# The gateway answers the runtime in time, whatever the script does.
_RUNTIME_STAYS: tuple[tuple[Phase, Outcome, Path], ...] = (
    (Phase.IDLE, LATE, NOTHING),
    (Phase.LOADING, LATE, NOTHING),
    (Phase.QUEUED, BEHIND_KEPT, INTERRUPTED),
    (Phase.PREFILL, RETRIED_KEPT, INTERRUPTED),
    (Phase.OUTPUT, UNDECODED, INTERRUPTED),
)
_NOT_ASKED: tuple[tuple[Phase, Outcome, Path], ...] = (
    (Phase.CANCELLING, STOPPED, INTERRUPTED),
    (Phase.LEFT, LEFT, INTERRUPTED),
    (Phase.STOPPING, LEAVES, GONE),
)

# A runtime whose calls are not answered at all dies, as the vendor's does.
_RUNTIME_DIES: tuple[tuple[Phase, Outcome, Path, str], ...] = (
    (Phase.IDLE, LATE, NOTHING, ""),
    (Phase.LOADING, LATE, NOTHING, ""),
    (Phase.QUEUED, BEHIND, BROKEN_OFF, "SIGSEGV"),
    (Phase.PREFILL, RETRIED, UNHEARD, "SIGSEGV"),
    (Phase.OUTPUT, BROKEN, BROKEN_OFF, "SIGSEGV"),
    (Phase.CANCELLING, REPLACED, UNSTOPPED, "(SIGINT)"),
    (Phase.LEFT, LEFT_REPLACED, UNSTOPPED, "(SIGINT)"),
    (Phase.STOPPING, LEAVES, GONE, ""),
)
