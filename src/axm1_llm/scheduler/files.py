"""What a model's folder tells of its needs before it was ever loaded: its cards, and its weights."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from axm1_llm.descriptors import ModelDescriptor

_MIB = 1 << 20
_SCRIPT_LIMIT = 65536  # bytes; a run script is short, and it may be a program
_DEVICES = re.compile(r"--devices[ =]+[\"']?([0-9]+(?:,[0-9]+)*)")
# The vendor's scripts name each kind of weights with a flag of its own, some with this misspelling.
_WEIGHTS = re.compile(r"--\w*filename\w*_axmode(?:l|dl)[ =]+[\"']?([^\"'\s\\]+)")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """What is known of a model without a runtime.

    Attributes:
        devices: the cards that it uses; never empty.
        weights_mb: the size of all that it loads onto them, in MiB; 0 when that cannot be seen.
    """

    devices: tuple[int, ...]
    weights_mb: int


def look_at_files(descriptor: ModelDescriptor) -> ModelFiles:
    """Look at the model's folder now. Raises nothing; what cannot be read is not known."""
    script = _read_script(descriptor)
    devices = descriptor.devices
    if not devices and (found := _DEVICES.search(script)):
        devices = tuple(dict.fromkeys(int(number) for number in found[1].split(",")))
    files = set(_named_in(script, descriptor.model_path)) or set(_below(descriptor.model_path))
    return ModelFiles(devices or (0,), -(-sum(map(_size, files)) // _MIB))


def _read_script(descriptor: ModelDescriptor) -> str:
    """The run script's text; "" for one that cannot be read, and for a program."""
    if descriptor.runtime == "axllm":
        return ""  # its program is the same for all models; the folder says the rest
    try:
        with (descriptor.model_path / descriptor.command()[0]).open("rb") as file:
            text = file.read(_SCRIPT_LIMIT)
    except OSError:
        return ""
    return text.decode(errors="replace") if text.startswith(b"#!") else ""


def _named_in(script: str, folder: Path) -> Iterator[Path]:
    """The files that the run script names; ``%d`` stands for the number of a layer."""
    for name in _WEIGHTS.findall(script):
        path = folder / name
        try:
            yield from path.parent.glob(path.name.replace("%d", "*"))
        except (OSError, ValueError):  # a name that is no name, such as one with a shell's variable
            continue


def _below(folder: Path) -> Iterable[Path]:
    try:
        return list(folder.rglob("*.axmodel"))
    except OSError:
        return ()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
