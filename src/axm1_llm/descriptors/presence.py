"""What of a model's files is really on the disk, said in the descriptor's own terms."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST_LINE_LIMIT = 256  # bytes; the kernel itself reads no more of a script's first line


def reached(look: Callable[[], str | None]) -> str | None:
    """The problem that `look` finds, or that it cannot look: a closed folder, a name that is too long."""
    try:
        return look()
    except OSError as error:
        return f"'{error.filename}' cannot be looked at: {error.strerror}"


def is_file(path: Path) -> bool:
    """Whether there is a file; false, too, when nobody can look."""
    try:
        return path.is_file()
    except OSError:
        return False


def folder_problem(key: str, folder: Path) -> str | None:
    """Why the folder of that key cannot be used; None: it can."""
    if folder.is_dir():
        return None
    return f"{key} '{folder}' is not a folder" if folder.exists() else f"{key} '{folder}' does not exist"


def file_problem(key: str, name: str, folder: Path) -> str | None:
    """Why the file `name` of that key cannot be taken from the tokenizer's folder; None: it can."""
    if (folder / name).is_file():
        return None
    return f"{key} '{name}' is not in tokenizer_path '{folder}'"


def folder_with(name: str, folder: Path) -> Path | None:
    """The folder itself when it has that file, else the only one in it that has; vendors ship both."""
    if (folder / name).is_file():
        return folder
    below = [entry.parent for entry in folder.glob(f"*/{name}") if entry.is_file()]
    return below[0] if len(below) == 1 else None


def script_problem(run_cmd: str, program: str, folder: Path) -> str | None:
    """Why the system would refuse to run the program in that folder; None: it would run it.

    Args:
        run_cmd: as the descriptor has it, for the text.
        program: its first word; one without a "/" is looked for in PATH.
        folder: where it is run.
    """
    if "/" not in program:
        if shutil.which(program):
            return None
        return f"run_cmd '{run_cmd}' is neither in model_path '{folder}' nor a command of this system"
    path = folder / program
    if not path.is_file():
        return f"run_cmd '{run_cmd}' is not in model_path '{folder}'"
    if not os.access(path, os.X_OK):
        return f"run_cmd '{run_cmd}' is not executable; run: chmod +x {shlex.quote(str(path))}"
    return _first_line_problem(run_cmd, path)


def _first_line_problem(run_cmd: str, path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            start = file.read(_FIRST_LINE_LIMIT)
    except OSError:
        return None  # a program may be run without being readable; a script that is not says so itself
    if start.startswith(b"\x7fELF"):
        return None
    if not start.startswith(b"#!"):
        return f"run_cmd '{run_cmd}' has no '#!/bin/sh' on its first line ('{path}')"
    first_line = start.splitlines(keepends=True)[0]
    if first_line.endswith((b"\r\n", b"\r")):
        return (
            f"run_cmd '{run_cmd}' has Windows line ends, so its first line names no program; "
            f"run: sed -i 's/\\r$//' {shlex.quote(str(path))}"
        )
    interpreter = os.fsdecode(first_line[2:].split(maxsplit=1)[0]) if first_line[2:].strip() else ""
    if not interpreter.startswith("/") or not Path(interpreter).exists():
        return f"run_cmd '{run_cmd}' asks for '{interpreter}' on its first line, which does not exist here"
    return None
