"""`config.json`, from which the vendor's server of the third generation takes its settings."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from axm1_llm.folder.files import LAYERS, NamedFile, named_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE_NAME = "config.json"
_LARGEST = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """A `config.json`.

    Attributes:
        path: the file; absolute.
        is_empty: it has no bytes, as some older folders have it, where it means nothing.
        problem: why it cannot be read; None: it can, or it is empty.
        values: what it says.
        files: the needed files that it names.
    """

    path: Path
    is_empty: bool = False
    problem: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[NamedFile, ...] = ()

    @property
    def is_for_server(self) -> bool:
        """It has the server's settings; the file of the original model has that name as well."""
        return LAYERS in self.values

    def text(self, key: str) -> str:
        """A text, or empty when there is none."""
        value = self.values.get(key)
        return value if isinstance(value, str) else ""


def read_server_config(folder: Path) -> ServerConfig | None:
    """The folder's `config.json`; None: it has none."""
    path = folder / FILE_NAME
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST)
    except FileNotFoundError:
        return None
    except OSError as error:
        return ServerConfig(path, problem=f"it cannot be read: {error.strerror or error}")
    if not content.strip():
        return ServerConfig(path, is_empty=True)
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        return ServerConfig(path, problem=f"it is no valid JSON: {error}")
    if not isinstance(values, dict):
        return ServerConfig(path, problem="it holds no JSON object")
    written = {key: str(value) for key, value in values.items() if isinstance(value, str | int)}
    return ServerConfig(path, values=values, files=named_files(written, folder))
