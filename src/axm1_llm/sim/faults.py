"""Everything that can go wrong with a runtime, to be switched on by name.

A fault is an action that strikes at a phase, or a trait that the runtime has all its life::

    --sim_fault ACTION[=VALUE]@PHASE[=PLACE][:once=FILE][:until=FILE]
    --sim_fault TRAIT[=VALUE][:once=FILE]

The flag is repeatable; the environment variable ``AXM1_SIM_FAULTS`` takes the same, separated by commas.
So ``segfault@output=6`` dies at the sixth token, and ``stderr_flood=64@prefill`` writes 64 KiB when it has
the prompt. With ``once`` it strikes only if it can create FILE, so it happens once and a restarted runtime is
healthy. With ``until`` it waits at its place for FILE to exist, and strikes then.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

VARIABLE = "AXM1_SIM_FAULTS"
_LOOK = 0.01  # seconds between two looks for the file of ``until``

# What strikes at a phase: (what it does, the value it takes when none is given; None: it takes no value)
ACTIONS: Mapping[str, tuple[str, int | None]] = {
    "segfault": ("dies by SIGSEGV; what is buffered is lost", None),
    "exit": ("exits with code VALUE and without a word", 0),
    "hang": ("does nothing more, deaf to SIGINT and to stdin", None),
    "pause": ("does nothing for VALUE ms", 0),
    "close_stdout": ("closes stdout and goes on", None),
    "invalid_utf8": ("prints the bytes FF FE C3 28", None),
    "endless_line": ("logs one line without end", None),
    "stderr_flood": ("writes VALUE KiB to stderr", 1024),
    "grandchild": ("forks a process that holds its pipes for VALUE seconds, in the same group", 60),
    "grandchild_session": ("the same, but the process leaves the group and the session", 60),
}

# When it strikes: (the moment, the place in it when none is given; None: it has no places)
PHASES: Mapping[str, tuple[str, int | None]] = {
    "start": ("before anything is printed", None),
    "loading": ("before layer PLACE is loaded", 0),
    "mark": ("before the prompt mark that follows PLACE others", 0),
    "idle": ("at that prompt mark, before a line is read", 0),
    "prefill": ("when it has the prompt's tokens", None),
    "output": ("when PLACE tokens of an answer are generated", 0),
    "cancelling": ("when SIGINT has stopped an answer", None),
    "end": ("between the last token of an answer and its end", None),
    "stopping": ("when it has read q", None),
}

# What a runtime is from its start: (what it does, the value)
TRAITS: Mapping[str, tuple[str, int | None]] = {
    "no_card": ("axcl_Init fails: the card is not found", None),
    "device_failed": ("the device cannot be selected (Set AXCL device failed)", None),
    "tokenizer_failed": ("tokenizer.Init fails though the tokenizer answers", None),
    "embed_missing": ("the embedding file cannot be opened", None),
    "layer_failed": ("init axmodel fails at layer VALUE", 0),
    "post_failed": ("init axmodel fails for the post model", None),
    "cmm_short": ("CMM runs out: less remains with each layer, and layer VALUE fails", 2),
    "init_failed": ("loads everything and then says only lLaMa.Init failed", None),
    "endless_output": ("never generates the end token: repeats the answer until it is stopped or full", None),
    "ignore_sigint": ("does not stop an answer on SIGINT", None),
    "ignore_sigterm": ("does not die of SIGTERM", None),
}


class FaultError(ValueError):
    """A fault was named wrongly; the text says what is possible."""


@dataclass(slots=True)
class Fault:
    """One fault that is switched on.

    Attributes:
        name: of the action or the trait.
        value: how much of it.
        phase: when it strikes; empty for a trait.
        place: where in the phase.
        once: it strikes only if it can create this file.
        until: it waits for this file.
    """

    name: str
    value: int
    phase: str = ""
    place: int = 0
    once: Path | None = None
    until: Path | None = None


class Faults:
    """The faults that are switched on."""

    def __init__(self, texts: Iterable[str] = (), environment: str = "") -> None:
        """Take the faults of the command line and of the environment variable.

        Raises:
            FaultError: a name or a value is not possible.
        """
        listed = [*texts, *(part for part in environment.split(",") if part)]
        self._faults = [_parse(text.strip()) for text in listed]

    def due(self, phase: str, place: int = 0) -> Iterator[Fault]:
        """The actions that strike now that the runtime has come to this place."""
        for fault in self._faults:
            if (fault.phase, fault.place) == (phase, place) and _claim(fault):
                while fault.until is not None and not fault.until.exists():
                    time.sleep(_LOOK)
                yield fault

    def has(self, trait: str, value: int | None = None) -> bool:
        """Whether the runtime shows this trait now; with ``value`` only when that is the trait's value."""
        fault = self._trait(trait)
        return fault is not None and value in {None, fault.value} and _claim(fault)

    def planned(self, trait: str) -> int | None:
        """The value of a trait that may show later, or None when it is not switched on."""
        fault = self._trait(trait)
        return fault.value if fault else None

    def _trait(self, name: str) -> Fault | None:
        return next((fault for fault in self._faults if fault.name == name and not fault.phase), None)


def _claim(fault: Fault) -> bool:
    """Whether the fault has not struck before, where it is to strike once."""
    if fault.once is None:
        return True
    try:
        fault.once.open("x").close()
    except FileExistsError:
        return False
    return True


def _parse(text: str) -> Fault:
    head, *qualifiers = text.split(":")
    what, _, when = head.partition("@")
    name, value = _read(what, ACTIONS, "action", text) if when else _read(what, TRAITS, "trait", text)
    phase, place = _read(when, PHASES, "phase", text) if when else ("", 0)
    files = dict(qualifier.partition("=")[::2] for qualifier in qualifiers)
    if not set(files) <= {"once", "until"}:
        raise FaultError(f"fault {text!r}: only :once=FILE and :until=FILE may follow")
    once, until = (Path(files[key]) if key in files else None for key in ("once", "until"))
    return Fault(name, value, phase, place, once, until)


def _read(text: str, table: Mapping[str, tuple[str, int | None]], kind: str, whole: str) -> tuple[str, int]:
    """A name of the table and its number."""
    name, _, number = text.partition("=")
    if name not in table:
        raise FaultError(f"fault {whole!r}: unknown {kind} {name!r}; known are: {', '.join(table)}")
    default = table[name][1]
    if number and default is None:
        raise FaultError(f"fault {whole!r}: {kind} {name!r} takes no value, got {number!r}")
    if number and not (number.isascii() and number.isdigit()):
        raise FaultError(f"fault {whole!r}: {kind} {name!r} takes a whole number, got {number!r}")
    return name, int(number or default or 0)


def describe() -> str:
    """The tables of actions, phases and traits, one a line, for ``--help``."""
    parts = []
    for title, table in (("ACTION", ACTIONS), ("PHASE", PHASES), ("TRAIT", TRAITS)):
        parts.append(f"{title}:")
        for name, (text, default) in table.items():
            form = name if default is None else f"{name}={default}"
            parts.append(f"  {form:24} {text}")
    return "\n".join(parts)
