"""Chats in files: JSON with the model, what was set, and the turns."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from axm1_llm.errors import Axm1Error
from axm1_llm.whole_file import write_file

if TYPE_CHECKING:
    from pathlib import Path

    from axm1_llm.cli.chat.state import Chat

_KIND = "axm1-chat"
_LARGEST = 64 * 2**20  # bytes


class SavedChatError(Axm1Error):
    """A file is no chat that was saved, or cannot be read or written."""


def save(chat: Chat, path: Path) -> None:
    """Write the chat for its owner alone; pictures are not kept.

    Raises:
        SavedChatError: the file cannot be written, or holds something else.
    """
    if path.exists():
        _read(path)  # whatever else is there is not written over
    manner = chat.manner
    content = {
        "kind": _KIND,
        "model": manner.model,
        "system": manner.system,
        "options": dict(manner.options),
        "think": manner.think,
        "messages": chat.turns,
    }
    try:
        write_file(path, json.dumps(content, ensure_ascii=False, indent=2).encode() + b"\n", mode=0o600)
    except OSError as error:
        raise SavedChatError(f"{path} cannot be written: {error.strerror}") from None


def restore(chat: Chat, path: Path) -> None:
    """Put a saved chat in the place of this one.

    Raises:
        SavedChatError: the file cannot be read, or holds something else.
    """
    found = _read(path)
    chat.turns[:] = found["messages"]
    chat.manner = replace(
        chat.manner,
        model=found["model"],
        system=found.get("system"),
        options=found.get("options") or {},
        think=found.get("think"),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_LARGEST))
    except OSError as error:
        raise SavedChatError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("kind") != _KIND or not _has_turns(found):
        raise SavedChatError(f"{path} is no chat that /save has written; it is left as it is")
    return found


def _has_turns(found: dict[str, Any]) -> bool:
    turns = found.get("messages")
    return (
        isinstance(found.get("model"), str)
        and isinstance(found.get("options"), dict | None)
        and isinstance(turns, list)
        and all(
            isinstance(turn, dict)
            and turn.keys() == {"role", "content"}
            and all(map(_is_text, turn.values()))
            for turn in turns
        )
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str)
