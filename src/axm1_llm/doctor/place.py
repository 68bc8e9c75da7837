"""Where a model's files are as seen from here, and what its run script says."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from axm1_llm.descriptors import presence
from axm1_llm.doctor import script_edits as edits
from axm1_llm.folder.commands import Command, read_commands
from axm1_llm.folder.flags import Flag, read_flags
from axm1_llm.folder.programs import FileKind, Program, look, read_program
from axm1_llm.folder.read import FolderError, Generation, read_folder

if TYPE_CHECKING:
    from axm1_llm.descriptors import ModelDescriptor

_LONGEST_SCRIPT = 1 << 16  # bytes; those of vendors have less than 4,000
_GENERATIONS = {
    Generation.FIRST: "first generation, keeps no history",
    Generation.SECOND: "second generation, keeps a history or takes pictures",
    Generation.THIRD: "third generation, for axllm",
}
_PARAMETERS = {str(number): f"${number}" for number in range(10)}


@dataclass(frozen=True)
class Place:
    """One model.

    Attributes:
        model: with the folders as they are reached from here.
        written: `model_path` as the descriptor has it; another one when that is a path inside a container.
        descriptor: the file that describes it.
    """

    model: ModelDescriptor
    written: Path
    descriptor: Path

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.model_name

    @property
    def folder(self) -> Path:
        """The model's folder."""
        return self.model.model_path

    @property
    def is_mapped(self) -> bool:
        """The descriptor has the paths of a container, and we are not in it."""
        return self.written != self.folder

    @property
    def has_server(self) -> bool:
        """It is of the third generation: a server in place of a run script."""
        return self.model.runtime == "axllm"

    @cached_property
    def script_path(self) -> Path | None:
        """The file that `run_cmd` names; None: it is nowhere."""
        program = self.model.command()[0]
        if "/" in program:
            path = self.folder / program
            return path if presence.is_file(path) else None
        found = shutil.which(program)
        return Path(found) if found else None

    @cached_property
    def text(self) -> str | None:
        """The run script as it is; None: there is none, or it is a program and no script."""
        path = self.script_path
        if path is None or look(path)[0] in {FileKind.ELF, FileKind.MISSING}:
            return None
        return read_script(path)

    @cached_property
    def tidy(self) -> str:
        """The run script with whole lines, as its writer meant it."""
        return edits.whole_lines(edits.unix_lines(self.text or ""))

    @cached_property
    def command(self) -> Command | None:
        """The command that starts the runtime."""
        return edits.runtime_command(self.tidy)

    @cached_property
    def flags(self) -> dict[str, Flag]:
        """The runtime's flags by name."""
        return {flag.name: flag for flag in read_flags(self.command.arguments)} if self.command else {}

    @cached_property
    def variables(self) -> dict[str, str]:
        """What the script sets, and its parameters as themselves: ``$1`` stays ``$1``."""
        known = dict(_PARAMETERS)
        for command in read_commands(self.tidy):
            for assignment in command.assignments:
                value = assignment.value.value(known)
                if value is not None:
                    known[assignment.name] = value
        return known

    def value(self, name: str) -> str | None:
        """A flag's value with the script's own variables filled in; None: it is not there, or not known."""
        flag = self.flags.get(name)
        return flag.value.value(self.variables) if flag and flag.value else None

    @cached_property
    def working_folder(self) -> Path | None:
        """Where the runtime runs, after the script's `cd`; None: nobody but the shell knows."""
        folder = self.folder
        for command in read_commands(self.tidy):
            if command.program is None or command.program.raw != "cd" or not command.arguments:
                continue
            target = command.arguments[0]
            filled = target.value(self.variables)
            if filled is not None and "$" not in filled:
                folder = folder / filled
            elif "dirname" in target.raw and self.script_path is not None:
                folder = self.script_path.parent
            else:
                return None
        return folder

    @cached_property
    def program(self) -> Program | None:
        """The executable that the script starts; None: not known."""
        if self.command is None or self.command.program is None or self.working_folder is None:
            return None
        name = self.command.program.value(self.variables)
        if name is None or "$" in name:
            return None
        if "/" in name:
            return read_program(self.working_folder / name)
        found = shutil.which(name)
        return read_program(Path(found)) if found else None

    @cached_property
    def generation(self) -> str:
        """Which of the vendor's programs the folder is made for, in words; "" when that cannot be told."""
        try:
            found = read_folder(self.folder).generation
        except FolderError:
            return ""
        return _GENERATIONS.get(found, "") if found is not None else ""

    @cached_property
    def uses_card(self) -> bool:
        """Whether the runtime needs a card, as far as can be told; a script that runs Python does not."""
        program = self.program
        return program is None or program.is_for_card or "python" not in program.name


def read_script(path: Path) -> str | None:
    """A script's text, in which each byte that is no UTF-8 keeps its place; None: it cannot be read.

    What is larger than 64 KiB is no script.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST_SCRIPT + 1)
    except OSError:
        return None
    return content.decode("utf-8", "surrogateescape") if len(content) <= _LONGEST_SCRIPT else None


def place_of(model: ModelDescriptor, descriptor: Path) -> Place:
    """The model's place; paths of a container are looked for below the descriptor's own folder."""
    written = model.model_path
    folder = _from_here(written, descriptor.parent)
    tokenizer = _from_here(model.tokenizer_path, descriptor.parent)
    if folder != written or tokenizer != model.tokenizer_path:
        model = model.model_copy(update={"model_path": folder, "tokenizer_path": tokenizer})
    return Place(model, written, descriptor)


def _from_here(folder: Path, beside: Path) -> Path:
    try:
        if folder.exists():
            return folder
        # The folder of the descriptor is mounted somewhere else there: what is below it is the same.
        parts = folder.parts[1:]
        for start in range(1, len(parts)):
            below = beside.joinpath(*parts[start:])
            if below.is_dir():
                return below
    except OSError:
        pass
    return folder
