"""What kind of file a program is, and for which machine it was made."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_START = 256  # bytes of a file that are looked at
_LFS = b"version https://git-lfs.github.com/spec/"
_ELF = b"\x7fELF"
_BIG_ENDIAN = 2
# e_machine of the ELF header, as `uname -m` names the machine.
_MACHINES = {3: "i686", 40: "armv7l", 62: "x86_64", 183: "aarch64", 243: "riscv64"}


class FileKind(Enum):
    """What the beginning of a file shows."""

    MISSING = "missing"
    EMPTY = "empty"
    ELF = "elf"
    SCRIPT = "script"
    """Begins with ``#!``."""
    LFS_POINTER = "lfs-pointer"
    """A line of Git LFS in place of the content: the folder was cloned without `git lfs pull`."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Program:
    """A program that a script starts.

    Attributes:
        path: the file; absolute.
        kind: what it is.
        machine: the machine it was built for, as `uname -m` says it; None: it is no ELF file.
        executable_bit: this user may run it.
    """

    path: Path
    kind: FileKind
    machine: str | None
    executable_bit: bool

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    @property
    def is_for_card(self) -> bool:
        """Its name says that it drives a card from a host, not the chip that it runs on."""
        return "axcl" in self.name.lower()

    @property
    def machine_by_name(self) -> str | None:
        """The machine that its name speaks of: ``main_axcl_x86``, ``main_axcl_aarch64``."""
        name = self.name.lower()
        if "x86" in name or "amd64" in name:
            return "x86_64"
        return "aarch64" if "aarch" in name or "arm64" in name else None

    @property
    def built_for(self) -> str | None:
        """The machine that the file itself, or else its name, speaks of."""
        return self.machine or self.machine_by_name


def read_program(path: Path) -> Program:
    """What can be said of the file; never fails: what cannot be read counts as missing or as "other"."""
    kind, start = look(path)
    machine = _machine(start) if kind is FileKind.ELF else None
    return Program(path, kind, machine, kind is not FileKind.MISSING and os.access(path, os.X_OK))


def look(path: Path) -> tuple[FileKind, bytes]:
    """The kind of a file, and its first bytes."""
    try:
        with path.open("rb") as file:
            start = file.read(_START)
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return FileKind.OTHER if os.path.exists(path) else FileKind.MISSING, b""  # noqa: PTH110 - never raises
    for prefix, kind in ((_ELF, FileKind.ELF), (b"#!", FileKind.SCRIPT), (_LFS, FileKind.LFS_POINTER)):
        if start.startswith(prefix):
            return kind, start
    return (FileKind.OTHER if start else FileKind.EMPTY), start


def _machine(start: bytes) -> str | None:
    if len(start) < 20:  # noqa: PLR2004 - e_machine is at 18 and has two bytes
        return None
    number = int.from_bytes(start[18:20], "big" if start[5] == _BIG_ENDIAN else "little")
    return _MACHINES.get(number, f"machine {number}")
