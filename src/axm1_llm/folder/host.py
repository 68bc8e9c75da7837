"""Which run script of a folder is for this host: vendors ship one for each, and for boards with the chip."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING

from axm1_llm.folder.programs import FileKind
from axm1_llm.folder.read import FolderError

if TYPE_CHECKING:
    from axm1_llm.folder.programs import Program
    from axm1_llm.folder.read import ModelFolder
    from axm1_llm.folder.script import RunScript

_BOARDS = ("ax650", "ax630")
_SAME = {"amd64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True, slots=True)
class Choice:
    """A run script, and why it was taken.

    Attributes:
        script: the one.
        reason: for the user.
        others: those that would fit as well, or as badly.
        misfit: why this host cannot run it as it is; None: nothing is known against it.
    """

    script: RunScript
    reason: str
    others: tuple[RunScript, ...]
    misfit: str | None


def this_machine() -> str:
    """The machine that this program runs on, as the kernel names it."""
    machine = platform.machine().lower()
    return _SAME.get(machine, machine)


def choose_script(folder: ModelFolder, machine: str, wanted: str | None = None) -> Choice | None:
    """The run script for a host of that kind; None: the folder has none.

    Args:
        folder: the model's folder.
        machine: of the host, as `this_machine` says it.
        wanted: a script's name, when the user chose.

    Raises:
        FolderError: it has no script of the wanted name.
    """
    scripts = folder.stdio_scripts
    if wanted is not None:
        chosen = [script for script in scripts if script.name == wanted.removeprefix("./")]
        if not chosen:
            names = ", ".join(script.name for script in scripts) or "none"
            raise FolderError(f"'{wanted}' is no run script in '{folder.path}'; it has: {names}")
        return Choice(chosen[0], "you named it", (), _misfit(chosen[0], machine))
    if not scripts:
        return None
    ranks = {script.path: _rank(script, machine) for script in scripts}
    best = min(ranks.values())
    first, *others = (script for script in scripts if ranks[script.path] == best)
    return Choice(first, _reason(first, machine), tuple(others), _misfit(first, machine))


def _rank(script: RunScript, machine: str) -> tuple[bool, bool, bool]:
    program = script.program
    if program is None:
        return (True, True, True)
    return (
        not program.is_for_card,
        program.built_for not in {machine, None},
        program.kind in {FileKind.MISSING, FileKind.EMPTY, FileKind.LFS_POINTER},
    )


def _reason(script: RunScript, machine: str) -> str:
    program = script.program
    if program is None:
        return "it is there"
    if not program.is_for_card:
        return f"it starts {program.name}; the folder has no script for a card in an {machine} host"
    if program.built_for == machine:
        return f"it starts {program.name}, for a card in an {machine} host"
    return f"it starts {program.name}; no script is for a card in an {machine} host"


def _misfit(script: RunScript, machine: str) -> str | None:
    program = script.program
    if program is None:
        return None
    if program.built_for not in {machine, None}:
        return f"{program.name} is for {program.built_for}, and this host is {machine}"
    if any(chip in program.name.lower() for chip in _BOARDS):
        return f"{program.name} is for a board with the chip on it, not for a card in a host"
    return None


def better_program(folder: ModelFolder, script: RunScript, machine: str) -> Program | None:
    """A program beside the script's own that is for a card in this host; None: there is none, or no need."""
    if script.program is None or _misfit(script, machine) is None:
        return None
    fitting = (each for each in folder.programs if each.built_for == machine and each.is_for_card)
    return next((each for each in fitting if "api" not in each.name), None)
