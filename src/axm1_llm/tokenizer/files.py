"""Finds and reads a tokenizer's files: ``tokenizer.json``, ``tokenizer_config.json``, the chat template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MOST_BYTES = 256 * 1024 * 1024
_SPECIAL_NAMES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


class TokenizerFilesError(Exception):
    """The files are not there, not unambiguous, or not what they should be; the text says which."""


@dataclass(frozen=True, slots=True)
class TokenizerFiles:
    """What a tokenizer's folder says.

    Attributes:
        tokenizer: the path of ``tokenizer.json``.
        config: ``tokenizer_config.json``; empty when there is none.
        special_tokens: ``bos_token`` and the like by name, as the chat template sees them.
        templates: chat templates by name; the usual one is ``default``.
    """

    tokenizer: Path
    config: Mapping[str, Any]
    special_tokens: Mapping[str, str]
    templates: Mapping[str, str]


def read_tokenizer_files(tokenizer_path: Path) -> TokenizerFiles:
    """Read the files in `tokenizer_path`, or in the one sub folder of it that has them.

    Raises:
        TokenizerFilesError: see there.
    """
    try:
        folder = _folder(tokenizer_path)
        config = _json(folder / "tokenizer_config.json")
        special = _special_tokens(config, _json(folder / "special_tokens_map.json"))
        return TokenizerFiles(folder / "tokenizer.json", config, special, _templates(folder, config))
    except OSError as error:
        raise TokenizerFilesError(
            f"tokenizer_path: '{error.filename}' cannot be read: {error.strerror}"
        ) from error


def _folder(tokenizer_path: Path) -> Path:
    """The folder that holds ``tokenizer.json``; vendors put it into ``xxx_tokenizer/``."""
    if (tokenizer_path / "tokenizer.json").is_file():
        return tokenizer_path
    if not tokenizer_path.is_dir():
        raise TokenizerFilesError(f"tokenizer_path '{tokenizer_path}' does not exist")
    found = sorted(file.parent for file in tokenizer_path.glob("*/tokenizer.json"))
    if len(found) == 1:
        return found[0]
    if not found:
        raise TokenizerFilesError(
            f"tokenizer_path '{tokenizer_path}' holds no tokenizer.json, nor does a folder in it; "
            "give tokenizer_path, or a tokenizer_py, in the descriptor",
        )
    names = ", ".join(folder.name for folder in found)
    raise TokenizerFilesError(
        f"tokenizer_path '{tokenizer_path}' holds several tokenizers ({names}); "
        "name one of these folders as tokenizer_path in the descriptor",
    )


def _read(file: Path) -> bytes:
    if file.stat().st_size > _MOST_BYTES:
        raise TokenizerFilesError(f"'{file}' is larger than {_MOST_BYTES} bytes: no tokenizer")
    return file.read_bytes()


def _json(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        content = orjson.loads(_read(file))
    except orjson.JSONDecodeError as error:
        raise TokenizerFilesError(f"'{file}' is not valid JSON: {error}") from None
    if not isinstance(content, dict):
        raise TokenizerFilesError(f"'{file}' holds no JSON object")
    return content


def _special_tokens(config: Mapping[str, Any], fallback: Mapping[str, Any]) -> dict[str, str]:
    special: dict[str, str] = {}
    for name in _SPECIAL_NAMES:
        token = config.get(name) or fallback.get(name)
        if isinstance(token, dict):  # a token with its flags
            token = token.get("content")
        if isinstance(token, str):
            special[name] = token
    return special


def _templates(folder: Path, config: Mapping[str, Any]) -> dict[str, str]:
    """The file comes before the config, as in the reference; a list holds templates with names."""
    file = folder / "chat_template.jinja"
    if file.is_file():
        return {"default": _read(file).decode(errors="replace")}
    template = config.get("chat_template") or _json(folder / "chat_template.json").get("chat_template")
    if isinstance(template, str):
        return {"default": template}
    if isinstance(template, list):
        return {
            entry["name"]: entry["template"] for entry in template if {"name", "template"} <= entry.keys()
        }
    return {}
