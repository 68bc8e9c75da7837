"""Looks at a model's folder as its vendor publishes it. Nothing in it is run or changed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from axm1_llm.errors import Axm1Error
from axm1_llm.folder.programs import FileKind, Program, read_program
from axm1_llm.folder.script import RunScript, read_script
from axm1_llm.folder.server_config import ServerConfig, read_server_config
from axm1_llm.folder.tokenizers import (
    TokenizerScript,
    read_tokenizer_folders,
    read_tokenizer_scripts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_PROGRAM_NAMES = ("main", "main_*", "axllm*")


class FolderError(Axm1Error):
    """The folder cannot be looked at, or is no model's folder."""


class Generation(Enum):
    """Which of the vendor's programs a folder is made for."""

    FIRST = 1
    """`main_axcl_…` without history, a Python script as tokenizer."""
    SECOND = 2
    """`main_axcl_…` that keeps the conversation in the card's cache, or takes pictures."""
    THIRD = 3
    """`axllm serve`, with its settings in `config.json`."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model's folder.

    Attributes:
        path: absolute.
        generation: None: it is not known which program the folder is for.
        scripts: the shell scripts that start a model, sorted by name.
        programs: the vendor's executables in it, whether a script starts them or not.
        tokenizer_scripts: see there.
        tokenizer_folders: those of its ``tokenizer.json`` files.
        server_config: `config.json`; None: there is none.
        not_understood: what could not be read, one line each.
    """

    path: Path
    generation: Generation | None
    scripts: tuple[RunScript, ...]
    programs: tuple[Program, ...]
    tokenizer_scripts: tuple[TokenizerScript, ...]
    tokenizer_folders: tuple[Path, ...]
    server_config: ServerConfig | None
    not_understood: tuple[str, ...]

    @property
    def stdio_scripts(self) -> tuple[RunScript, ...]:
        """The run scripts whose program reads prompts and prints answers."""
        return tuple(script for script in self.scripts if not script.starts_server)


def read_folder(path: Path) -> ModelFolder:
    """Look at a model's folder.

    Raises:
        FolderError: there is no such folder, or it cannot be listed.
    """
    folder = Path(os.path.abspath(path))  # noqa: PTH100 - not resolve(): a link's own name is the user's
    try:
        names = sorted(entry for entry in folder.iterdir() if entry.is_file())
    except FileNotFoundError:
        raise FolderError(f"'{path}' does not exist; name the model's folder") from None
    except NotADirectoryError:
        raise FolderError(f"'{path}' is no folder; name the folder that holds the model") from None
    except OSError as error:
        raise FolderError(f"'{path}' cannot be looked at: {error.strerror}") from None
    scripts, unread = _scripts(entry for entry in names if entry.suffix == ".sh")
    known = tuple(script for script in scripts if script.command is not None)
    config = read_server_config(folder)
    return ModelFolder(
        path=folder,
        generation=_generation(known, config),
        scripts=known,
        programs=_programs(folder),
        tokenizer_scripts=read_tokenizer_scripts(folder),
        tokenizer_folders=read_tokenizer_folders(folder),
        server_config=config,
        not_understood=unread,
    )


def _scripts(paths: Iterable[Path]) -> tuple[tuple[RunScript, ...], tuple[str, ...]]:
    found, unread = [], []
    for path in paths:
        try:
            found.append(read_script(path))
        except OSError as error:
            unread.append(f"'{path.name}': {error.strerror or error}")
    return tuple(found), tuple(unread)


def _programs(folder: Path) -> tuple[Program, ...]:
    paths = {path for pattern in _PROGRAM_NAMES for path in folder.glob(pattern) if path.is_file()}
    found = (read_program(path) for path in sorted(paths))
    return tuple(each for each in found if each.kind is not FileKind.OTHER or not each.path.suffix)


def _generation(scripts: tuple[RunScript, ...], config: ServerConfig | None) -> Generation | None:
    stdio = [script for script in scripts if not script.starts_server]
    if not stdio:
        return Generation.THIRD if config is not None and config.is_for_server else None
    if any(script.keeps_history for script in stdio):
        return Generation.SECOND
    return Generation.FIRST
