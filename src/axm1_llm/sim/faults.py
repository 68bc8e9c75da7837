"""Everything that can go wrong with a runtime, to be switched on by name.

``--sim_fault NAME[=VALUE][:once=MARKER]`` (repeatable), or the same separated by commas in the
environment variable ``AXM1_SIM_FAULTS``. With ``once`` the fault strikes only in the process that
manages to create the file MARKER, so a restarted runtime is healthy.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

VARIABLE = "AXM1_SIM_FAULTS"

# name: (what it does, the value it takes when none is given; None: it takes no value)
FAULTS: dict[str, tuple[str, int | None]] = {
    "segfault_at_start": ("dies by SIGSEGV before it prints anything", None),
    "stall_at_start": ("hangs before it prints anything", None),
    "no_card": ("axcl_Init fails: the card is not found", None),
    "device_failed": ("the device cannot be selected (Set AXCL device failed)", None),
    "tokenizer_failed": ("tokenizer.Init fails though the tokenizer answers", None),
    "embed_missing": ("the embedding file cannot be opened", None),
    "layer_failed": ("init axmodel fails at layer VALUE", 0),
    "post_failed": ("init axmodel fails for the post model", None),
    "cmm_short": ("CMM runs out: less remains with each layer, and layer VALUE fails", 2),
    "init_failed": ("loads everything and then says only lLaMa.Init failed", None),
    "stall_at_layer": ("hangs before layer VALUE is loaded", 0),
    "exit_at_layer": ("exits with code 1 and without a word before layer VALUE is loaded", 0),
    "no_mark": ("says LLM init ok, and then the prompt mark never comes", None),
    "stderr_flood": ("writes VALUE KiB to stderr before the first prompt mark", 1024),
    "segfault_in_prefill": ("dies by SIGSEGV when it has the prompt's tokens", None),
    "stall_in_prefill": ("hangs when it has the prompt's tokens", None),
    "endless_line": ("logs one line without end when it has the prompt's tokens", None),
    "segfault_after_tokens": ("dies by SIGSEGV when VALUE tokens of an answer are generated", 0),
    "exit_after_tokens": ("exits with code 0 when VALUE tokens of an answer are generated", 0),
    "stall_after_tokens": ("hangs when VALUE tokens of an answer are generated, deaf to SIGINT", 0),
    "close_stdout_after_tokens": ("closes stdout and lives on when VALUE tokens are generated", 0),
    "invalid_utf8_after_tokens": ("prints the bytes FF FE C3 28 when VALUE tokens are generated", 0),
    "endless_output": ("never generates the end token: repeats the answer until it is stopped or full", None),
    "slow_end": ("waits VALUE ms between the last token of an answer and its end", 1000),
    "ignore_sigint": ("does not stop an answer on SIGINT", None),
    "ignore_sigterm": ("does not die of SIGTERM", None),
    "ignore_quit": ("hangs instead of leaving when it reads q", None),
    "grandchild": ("forks a process that holds its pipes for VALUE seconds, in the same group", 60),
    "grandchild_session": ("the same, but the process leaves the group and the session", 60),
}  # fmt: skip


class FaultError(ValueError):
    """A fault was named wrongly; the text says what is possible."""


@dataclass(slots=True)
class _Fault:
    value: int
    marker: Path | None
    claimed: bool = False


def _parse(text: str) -> tuple[str, _Fault]:
    head, _, once = text.partition(":once=")
    name, _, value = head.partition("=")
    if name not in FAULTS:
        raise FaultError(f"unknown fault {name!r}; known are: {', '.join(FAULTS)}")
    default = FAULTS[name][1]
    if value and default is None:
        raise FaultError(f"fault {name!r} takes no value, got {value!r}")
    if value and not (value.isascii() and value.isdigit()):
        raise FaultError(f"fault {name!r} takes a whole number, got {value!r}")
    return name, _Fault(int(value or default or 0), Path(once) if once else None)


class Faults:
    """The faults that are switched on."""

    def __init__(self, texts: Iterable[str] = (), environment: str = "") -> None:
        """Take the faults of the command line and of the environment variable.

        Raises:
            FaultError: a name or a value is not possible.
        """
        listed = [*texts, *(part for part in environment.split(",") if part)]
        self._faults = dict(_parse(text.strip()) for text in listed)

    def strikes(self, name: str, at: int | None = None) -> bool:
        """Whether this fault happens now; with ``at`` only when that is the fault's value."""
        fault = self._faults.get(name)
        if fault is None or (at is not None and at != fault.value):
            return False
        if not fault.claimed and fault.marker is not None:
            try:
                fault.marker.open("x").close()
            except FileExistsError:
                del self._faults[name]
                return False
        fault.claimed = True
        return True

    def value(self, name: str) -> int:
        """The value of a fault that struck."""
        return self._faults[name].value

    def planned(self, name: str) -> int | None:
        """The value of a fault that may strike later, or None when it is not switched on."""
        fault = self._faults.get(name)
        return fault.value if fault else None


def describe() -> str:
    """The table of faults, one a line, for ``--help`` and the documentation."""
    lines = []
    for name, (text, default) in FAULTS.items():
        form = name if default is None else f"{name}={default}"
        lines.append(f"  {form:32} {text}")
    return "\n".join(lines)
