"""The tokenizers that a model's folder brings: Python scripts, and folders with ``tokenizer.json``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST = 1024 * 1024
# `AutoTokenizer.from_pretrained("qwen3_tokenizer")`, or the name in a variable or a default before it.
_QUOTED = re.compile(r"""["']([^"'\n]{1,200})["']""")
_UID = "/get_uid"
_SERVES = ("/encode", "/bos_id")


@dataclass(frozen=True, slots=True)
class TokenizerScript:
    """A Python script that answers the runtime's calls.

    Attributes:
        path: the file; absolute.
        keeps_history: it answers ``/get_uid``: it goes with builds that keep a history.
        folders: the folders of the model's folder that it names, where it has its vocabulary from.
        imports_transformers: it needs that package.
    """

    path: Path
    keeps_history: bool
    folders: tuple[Path, ...]
    imports_transformers: bool

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name


def read_tokenizer_scripts(folder: Path) -> tuple[TokenizerScript, ...]:
    """The tokenizer scripts directly in the folder, sorted by name."""
    found = (_script(path, folder) for path in sorted(folder.glob("*.py")))
    return tuple(script for script in found if script is not None)


def read_tokenizer_folders(folder: Path) -> tuple[Path, ...]:
    """The folder itself and those in it that have ``tokenizer.json``, sorted."""
    files = sorted((*folder.glob("tokenizer.json"), *folder.glob("*/tokenizer.json")))
    return tuple(file.parent for file in files if file.is_file())


def _script(path: Path, folder: Path) -> TokenizerScript | None:
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST).decode(errors="replace")
    except OSError:
        return None
    if not all(call in text for call in _SERVES):
        return None
    names = dict.fromkeys(name.rstrip("/").removeprefix("./") for name in _QUOTED.findall(text))
    return TokenizerScript(
        path=path,
        keeps_history=_UID in text,
        folders=tuple(folder / name for name in names if _is_folder(folder, name)),
        imports_transformers="transformers" in text,
    )


def _is_folder(folder: Path, name: str) -> bool:
    try:
        return bool(name) and name not in {".", ".."} and (folder / name / "tokenizer.json").is_file()
    except (OSError, ValueError):
        return False
