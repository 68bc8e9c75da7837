"""The files that the flags of a run script, or a `config.json`, name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from axm1_llm.folder.flags import ENCODER_FLAGS
from axm1_llm.folder.programs import FileKind, look

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LAYERS = "template_filename_axmodel"
NEEDED = (LAYERS, "filename_post_axmodel", "filename_tokens_embed", *ENCODER_FLAGS)
"""The runtime leaves when one of these is not there."""
_MOST_LAYERS = 1000


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file, or one for each layer, that a flag names.

    Attributes:
        key: the flag or key that names it.
        written: as it stands there, with ``%d`` for a layer's number.
        paths: the files that are meant.
        missing: those that are not there.
        pointers: those that hold a line of Git LFS in place of their content.
        size: bytes of those that are there.
    """

    key: str
    written: str
    paths: tuple[Path, ...]
    missing: tuple[Path, ...]
    pointers: tuple[Path, ...]
    size: int


def named_files(values: Mapping[str, str], folder: Path) -> tuple[NamedFile, ...]:
    """The needed files that flags or keys name, in a fixed order.

    Args:
        values: what they say; those without value, or with one that is not known, are left out.
        folder: where relative paths start.
    """
    layers = values.get("axmodel_num", "")
    count = min(int(layers), _MOST_LAYERS) if re.fullmatch("[0-9]{1,9}", layers) else 0
    return tuple(_named(key, values[key], folder, count) for key in NEEDED if values.get(key))


def _named(key: str, written: str, folder: Path, layers: int) -> NamedFile:
    names = [written]
    if "%d" in written:
        names = [written.replace("%d", str(number)) for number in range(layers)]
    paths = tuple(folder / name for name in names)
    kinds = {path: look(path)[0] for path in paths}
    missing = tuple(path for path in paths if kinds[path] is FileKind.MISSING)
    pointers = tuple(path for path in paths if kinds[path] is FileKind.LFS_POINTER)
    size = sum(path.stat().st_size for path in paths if kinds[path] is not FileKind.MISSING)
    return NamedFile(key, written, paths, missing, pointers, size)
