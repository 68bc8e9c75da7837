"""The `<think>` part of an answer, told apart as it streams.

Only a block at the very start is thinking: an answer may well speak of `<think>` later on.
"""

from __future__ import annotations

from enum import Enum, auto

_OPEN = "<think>"
_CLOSE = "</think>"


class _Phase(Enum):
    BEFORE = auto()  # only white space so far, or a part of the opening tag
    THINKING = auto()
    BETWEEN = auto()  # white space behind the block belongs to neither part
    ANSWER = auto()


class ThinkingSplitter:
    """Splits text into thinking and answer.

    Args:
        opened: the prompt itself ends inside an open block, as some chat templates have it.
    """

    def __init__(self, *, opened: bool = False) -> None:
        self._phase = _Phase.THINKING if opened else _Phase.BEFORE
        self._held = ""

    def feed(self, text: str) -> tuple[str, str]:
        """What `text` adds to (thinking, answer)."""
        if self._phase is _Phase.ANSWER:
            return "", text
        self._held += text
        thinking = answer = ""
        if self._phase is _Phase.BEFORE:
            self._open()
        if self._phase is _Phase.THINKING:
            thinking = self._think()
        if self._phase is _Phase.BETWEEN:
            self._held = self._held.lstrip()
            self._phase = _Phase.ANSWER if self._held else _Phase.BETWEEN
        if self._phase is _Phase.ANSWER:
            answer, self._held = self._held, ""
        return thinking, answer

    def flush(self) -> tuple[str, str]:
        """What was held back, once the answer is over; an unclosed block stays thinking."""
        held, self._held = self._held, ""
        match self._phase:
            case _Phase.THINKING:
                return held, ""
            case _Phase.BETWEEN:
                return "", ""
            case _:
                return "", held

    def _open(self) -> None:
        start = self._held.lstrip()
        if start.startswith(_OPEN):
            self._held = start[len(_OPEN) :]
            self._phase = _Phase.THINKING
        elif not _OPEN.startswith(start):
            self._phase = _Phase.ANSWER

    def _think(self) -> str:
        thinking, close, rest = self._held.partition(_CLOSE)
        if close:
            self._held = rest
            self._phase = _Phase.BETWEEN
            return thinking
        keep = next((n for n in range(len(_CLOSE) - 1, 0, -1) if thinking.endswith(_CLOSE[:n])), 0)
        self._held = thinking[len(thinking) - keep :]
        return thinking[: len(thinking) - keep]
