"""What the names in a folder tell of a model: where it comes from, its family, size and quantization."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from axm1_llm.descriptors.names import LONGEST_NAME
from axm1_llm.folder.files import LAYERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from axm1_llm.folder.read import ModelFolder
    from axm1_llm.folder.script import RunScript

_README = "README.md"
_LONGEST_README = 64 * 1024
_FRONT_MATTER = re.compile(r"\A---\r?\n(.*?)\r?\n---", re.DOTALL)
_BASE_MODEL = re.compile(r"^base_model:[ \t]*(?:\r?\n[ \t]*-[ \t]*)?[\"']?([\w.-]+/[\w.-]+)", re.MULTILINE)
_SIZE = re.compile(r"(?<![A-Za-z0-9.])(\d{1,3}(?:\.\d{1,2})?)([BbMm])(?![A-Za-z])")
# "int8", "w4a16", "Q4_1", and who made them so; the longest words first.
_QUANTIZATION = re.compile(
    r"(?<![A-Za-z0-9])((?:gptq|awq)[-_]?(?:int\d{1,2})?|int\d{1,2}|w\d{1,2}a\d{1,2}|q\d_[0-9a-z_]+)(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_LAYER_NAME = re.compile(r"([A-Za-z][A-Za-z0-9._-]*?)_(?:p\d+_)?l%d")
_NO_NAME = re.compile(r"[^a-z0-9._-]+")
_HASH = re.compile(r"[0-9a-f]{12,64}")
_MEANINGLESS = frozenset({"", "model", "models", "main", "snapshots", "tmp", "download", "downloads", "axm1"})


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that was worked out, and what it was worked out from.

    Attributes:
        value: what is written into the descriptor.
        source: where it comes from, for the user.
    """

    value: str
    source: str


def base_model(folder: Path) -> Fact | None:
    """The model that this one was made from, as the folder's README names it; None: it does not say."""
    try:
        with (folder / _README).open("rb") as file:
            text = file.read(_LONGEST_README).decode(errors="replace")
    except OSError:
        return None
    front = _FRONT_MATTER.match(text)
    found = _BASE_MODEL.search(front[1]) if front else None
    return Fact(found[1], f"base_model in {_README}") if found else None


def model_name(folder: ModelFolder) -> Fact | None:
    """A name for the model: the folder's, or where that says nothing, the one inside; None: there is none."""
    config, base = folder.server_config, base_model(folder.path)
    candidates = (
        Fact(folder.path.name, "the folder's name"),
        Fact(folder.path.resolve().name, "the name of the folder that it links to"),
        Fact(config.text("model_name") if config else "", "model_name in config.json"),
        base or Fact("", ""),
    )
    for candidate in candidates:
        name = _NO_NAME.sub("-", candidate.value.rpartition("/")[2].lower()).strip("-._")
        if name not in _MEANINGLESS and not _HASH.fullmatch(name):
            return Fact(name[:LONGEST_NAME], candidate.source)
    return None


def family(folder: ModelFolder, script: RunScript | None) -> Fact | None:
    """The model's architecture, as the vendor names its layers."""
    config = folder.server_config
    written = _value(script, LAYERS) or (config.text(LAYERS) if config else "")
    found = _LAYER_NAME.match(written.rpartition("/")[2])
    return Fact(found[1], f"the layers' file name, {written.rpartition('/')[2]}") if found else None


def parameter_size(folder: ModelFolder, script: RunScript | None) -> Fact | None:
    """The number of parameters, as ``1.5B`` or ``135M``."""
    for text, source in _texts(folder, script):
        if found := _SIZE.search(text):
            return Fact(f"{found[1]}{found[2].upper()}", source)
    return None


def quantization(folder: ModelFolder, script: RunScript | None) -> Fact | None:
    """How the weights are stored, as ``INT8`` or ``W4A16``."""
    # A repository may hold several; the script and its weights say which is meant.
    for text, source in reversed(list(_texts(folder, script))):
        if found := _QUANTIZATION.search(text):
            return Fact(found[1].upper().replace("_", "-"), source)
    return None


def _texts(folder: ModelFolder, script: RunScript | None) -> Iterator[tuple[str, str]]:
    """(name, source), those of the whole model first, those of this script and its weights last."""
    config, base = folder.server_config, base_model(folder.path)
    yield from _told(base.value.rpartition("/")[2] if base else "", base.source if base else "")
    yield from _told(folder.path.name, "the folder's name")
    if config is not None:
        yield from _told(config.text("model_name"), "model_name in config.json")
    if script is not None:
        yield from _told(script.name, "the run script's name")
        yield from _told(_value(script, LAYERS).rpartition("/")[0], "the name of the weights' folder")


def _told(text: str, source: str) -> Iterable[tuple[str, str]]:
    return ((text, source),) if text else ()


def _value(script: RunScript | None, flag: str) -> str:
    return (script.value(flag) or "") if script is not None else ""
