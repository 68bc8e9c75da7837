"""A run script: how it begins, which program it starts with which flags, and what could not be understood."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from axm1_llm.folder.commands import Command, read_commands
from axm1_llm.folder.files import NEEDED, NamedFile, named_files
from axm1_llm.folder.flags import (
    CONTEXT_FLAGS,
    ENCODER_FLAGS,
    KNOWN,
    TOKENIZER_FLAGS,
    Flag,
    TokenizerAddress,
    read_address,
    read_flags,
)
from axm1_llm.folder.programs import Program, read_program

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_LARGEST = 256 * 1024  # bytes; those of vendors have less than 4,000, most of it a system prompt
_HERE = frozenset(
    {'"$(dirname "$0")"', "$(dirname $0)", "`dirname $0`", '"$(dirname $0)"', '$(dirname "$0")'}
)
_HTTP_TOKENIZER = "2"
_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class RunScript:
    """A run script as it is on the disk.

    Attributes:
        path: the file; absolute.
        text: all of it, line ends as they are; bytes that are no UTF-8 are kept as surrogates
            (`errors="surrogateescape"`).
        executable_bit: this user may run it.
        command: the one that starts the runtime; None: none was recognised.
        program: what that command starts; None with `command`.
        flags: of that command, in their order.
        tokenizer_address: where it says the tokenizer is; None: nowhere, or in a file.
        files: the needed files that its flags name.
        not_understood: what only a shell could tell, one line each with the script's line.
    """

    path: Path
    text: str
    executable_bit: bool
    command: Command | None
    program: Program | None
    flags: tuple[Flag, ...]
    tokenizer_address: TokenizerAddress | None
    files: tuple[NamedFile, ...]
    not_understood: tuple[str, ...]

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    @property
    def shebang(self) -> str | None:
        """The first line when it begins with ``#!``, without its end; None: the system cannot run it."""
        first = self.text.split("\n", 1)[0]
        return first.removesuffix("\r") if first.startswith("#!") else None

    @property
    def has_windows_line_ends(self) -> bool:
        """A carriage return stands before an end of line: a shell takes it for a part of the last word."""
        return "\r\n" in self.text

    @property
    def has_byte_order_mark(self) -> bool:
        """It begins with one, so that its first line is no ``#!`` for the system."""
        return self.text.startswith("\ufeff")

    @property
    def uses_exec(self) -> bool:
        """The runtime takes the shell's place, so that signals for the script reach it."""
        return self.command is not None and self.command.exec_word is not None

    @property
    def starts_server(self) -> bool:
        """It starts one of the vendor's HTTP servers, which read no prompts from standard input."""
        name = self.program.name.lower() if self.program else ""
        return "api" in name or name == "axllm"

    @property
    def keeps_history(self) -> bool:
        """It starts a build that keeps the conversation in the card's cache; such builds always go on."""
        return any(self.flag(name) for name in (*CONTEXT_FLAGS, *ENCODER_FLAGS))

    @property
    def sees(self) -> bool:
        """It starts a build that takes pictures."""
        return any(self.flag(name) for name in ENCODER_FLAGS)

    @property
    def tokenizer_inside(self) -> bool:
        """The runtime turns text into tokens itself: `--tokenizer_type` is not 2, and no address is given."""
        kind = self.flag("tokenizer_type")
        return kind is not None and kind.text != _HTTP_TOKENIZER

    @property
    def prompt(self) -> Flag | None:
        """`--prompt`, whose value should be `"$2"`."""
        return self.flag("prompt")

    def flag(self, name: str) -> Flag | None:
        """The flag of that name; the last one counts when it stands there twice."""
        return next((flag for flag in reversed(self.flags) if flag.name == name), None)

    def value(self, name: str) -> str | None:
        """The text of the flag's value, variables as they are written; None: there is no such flag."""
        found = self.flag(name)
        return None if found is None else found.text


def read_script(path: Path) -> RunScript:
    """Look at a run script without running it.

    Raises:
        OSError: it cannot be read, or is far too large for a run script.
    """
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise OSError(0, f"is larger than {_LARGEST} bytes: no run script", str(path))
    text = content.decode(errors="surrogateescape")
    commands = read_commands(text)
    reader = _Reader(path.parent, commands)
    command = reader.runtime_command()
    flags = read_flags(command.arguments) if command else ()
    return RunScript(
        path=path,
        text=text,
        executable_bit=os.access(path, os.X_OK),
        command=command,
        program=reader.program(command) if command else None,
        flags=flags,
        tokenizer_address=reader.address(flags),
        files=reader.files(flags),
        not_understood=(*reader.not_understood(command), *reader.doubts),
    )


class _Reader:
    """Follows the variables and folders of a script up to the command that starts the runtime."""

    def __init__(self, folder: Path, commands: tuple[Command, ...]) -> None:
        self._commands = commands
        self._folder = folder
        # What the service gives stays as it is written.
        self._known: dict[str, str] = {"1": "$1", "2": "$2"}
        self.doubts: list[str] = []

    def runtime_command(self) -> Command | None:
        """The command with the runtime's flags; follows what stands before it."""
        at = self._index()
        if at is None:
            return None
        for command in self._commands[:at]:
            self._follow(command)
        found = self._commands[at]
        self._set(found)
        return found

    def _index(self) -> int | None:
        best: tuple[int, int] | None = None
        for at, command in enumerate(self._commands):
            if command.program is None or command.program.raw.startswith("-"):
                continue
            known = sum(flag.name in KNOWN for flag in read_flags(command.arguments))
            named = _looks_like_a_runtime(command.program.text)
            if (known or named) and (best is None or known > best[0]):
                best = (known, at)
        return None if best is None else best[1]

    def _follow(self, command: Command) -> None:
        if command.program is None:
            self._set(command)
        elif command.program.raw == "cd" and command.arguments:
            self._enter(command)

    def _set(self, command: Command) -> None:
        for assignment in command.assignments:
            value = assignment.value.value(self._known)
            if value is None or command.conditional:
                self._known.pop(assignment.name, None)
            else:
                self._known[assignment.name] = value

    def _enter(self, command: Command) -> None:
        word = command.arguments[-1]
        if word.raw in _HERE:
            return
        value = word.value(self._known)
        if value is None or command.conditional:
            self.doubts.append(f"line {word.span.line}: where `cd {_shown(word.raw)}` leads is not known")
        else:
            self._folder /= value

    def program(self, command: Command) -> Program | None:
        """The program of a command; None: its name is not known."""
        if command.program is None:
            return None
        name = command.program.value(self._known)
        if name is None:
            text = f"line {command.span.line}: which program `{_shown(command.program.raw)}` is, is not known"
            self.doubts.append(text)
            return None
        return read_program(self._folder / name)

    def files(self, flags: Iterable[Flag]) -> tuple[NamedFile, ...]:
        """The needed files that the flags name."""
        values: dict[str, str] = {}
        for flag in flags:
            value = flag.value.value(self._known) if flag.value else None
            if value is not None:
                values[flag.name] = value
            elif flag.name in (*NEEDED, "axmodel_num"):
                self.doubts.append(
                    f"line {flag.line}: what --{flag.name} {_shown(flag.text)} names is not known"
                )
        return named_files(values, self._folder)

    def address(self, flags: Iterable[Flag]) -> TokenizerAddress | None:
        """Where the flags say the tokenizer is."""
        by_name = {flag.name: flag for flag in flags}
        for name in TOKENIZER_FLAGS:
            if name in by_name and (address := read_address(by_name[name], self._known)):
                return address
        return None

    def not_understood(self, runtime: Command | None) -> tuple[str, ...]:
        """What makes the reading above uncertain."""
        if runtime is None:
            return ("no command that starts a model was recognised",)
        lines = []
        if runtime.conditional:
            lines.append(f"line {runtime.span.line}: whether the model's command is run at all is not known")
        for command in self._commands:
            program = command.program.text if command.program else ""
            if program.startswith("--"):
                lines.append(
                    f"line {command.span.line}: `{_shown(program)}` is no part of the command before it, "
                    "which a comment, an empty line or a blank behind a backslash ends"
                )
            elif command is not runtime and _looks_like_a_runtime(program):
                lines.append(f"line {command.span.line}: `{_shown(program)}` is started as well")
        return tuple(lines)


def _looks_like_a_runtime(program: str) -> bool:
    name = program.rpartition("/")[2]
    return name in {"axllm", "main"} or name.startswith("main_")


def _shown(text: str) -> str:
    """A piece of the script for a line of its own."""
    plain = "".join(sign if sign.isprintable() else "?" for sign in text)
    return plain if len(plain) <= _LONGEST_SHOWN else f"{plain[:_LONGEST_SHOWN]}…"
