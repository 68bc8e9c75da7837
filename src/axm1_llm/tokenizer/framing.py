"""Frames: what stands between STX and ETX on the runtime's stdout is answer, all else is log.

The runtime prints what ``/decode`` returned as it is, control characters too (seen on the vendor's host
program), so no text that a model writes can be mistaken for a log line or a prompt mark. A frame is one
token; a token that completes no character is an empty frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_STX, _ETX, _DLE = "\x02", "\x03", "\x10"

# NUL among them: the runtime prints with "%s", which ends there.
_ESCAPES = {ord(char): _DLE + chr(ord(char) ^ 0x40) for char in ("\x00", _STX, _ETX, _DLE)}

CACHE_KEPT = f"{_STX}{_DLE}!{_ETX}"
"""In place of every frame of an answer that a context build gives with ids in its KV cache which were to
be dropped: it took ``reset`` for a prompt, or was never told."""

TURN_OVER = f"{_STX}{_DLE}.{_ETX}"
"""The model has ended its turn with a token that the runtime does not know as an end: the rest is nothing."""

UNDECODED = f"{_STX}{_DLE}?{_ETX}"
"""The frame of a token that could not be turned into text in time."""


def frames(texts: Iterable[str | None]) -> str:
    """The frames of these tokens; None is a token that could not be decoded."""
    return "".join(UNDECODED if text is None else _frame(text) for text in texts)


def _frame(text: str) -> str:
    return f"{_STX}{text.translate(_ESCAPES)}{_ETX}"
