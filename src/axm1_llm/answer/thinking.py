"""The `<think>` part of an answer, told apart as it streams.

Only a block at the very start is thinking: an answer may well speak of `<think>` later on. White space at
either end of the thinking, and behind the block, belongs to neither part, as in Ollama.
"""

from __future__ import annotations

from enum import Enum, auto

# All in chat templates that ship with models; the first is nearly everybody's (Qwen3, DeepSeek R1).
_TAGS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "[THINK]": "[/THINK]",
    "<seed:think>": "</seed:think>",
}


class _Phase(Enum):
    BEFORE = auto()  # only white space so far, or a part of an opening tag
    OPENED = auto()  # white space behind the tag, or the tag once more
    THINKING = auto()
    BETWEEN = auto()  # white space behind the block
    ANSWER = auto()


def shows_thinking(template: str) -> bool:
    """Whether a chat template is that of a model that thinks before it answers.

    Those open the block, cut it out of older turns, or can switch it off.
    """
    return "think>" in template or "enable_thinking" in template


class ThinkingSplitter:
    """Splits text into thinking and answer.

    Args:
        opened: the prompt itself ends inside an open `<think>` block, as some chat templates have it. Some
            models write the tag nevertheless.
    """

    def __init__(self, *, opened: bool = False) -> None:
        self._phase = _Phase.OPENED if opened else _Phase.BEFORE
        self._open, self._close = next(iter(_TAGS.items()))
        self._held = ""

    def feed(self, text: str) -> tuple[str, str]:
        """What `text` adds to (thinking, answer)."""
        if self._phase is _Phase.ANSWER:
            return "", text
        self._held += text
        thinking = answer = ""
        if self._phase is _Phase.BEFORE:
            self._look_for_block()
        if self._phase is _Phase.OPENED:
            self._enter_block()
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
            case _Phase.OPENED:
                return held.lstrip(), ""
            case _Phase.THINKING:
                return held, ""
            case _Phase.BETWEEN:
                return "", ""
            case _:
                return "", held

    def _look_for_block(self) -> None:
        start = self._held.lstrip()
        for tag, close in _TAGS.items():
            if start.startswith(tag):
                self._open, self._close = tag, close
                self._held = start[len(tag) :]
                self._phase = _Phase.OPENED
                return
        if not any(tag.startswith(start) for tag in _TAGS):
            self._phase = _Phase.ANSWER

    def _enter_block(self) -> None:
        start = self._held.lstrip()
        while start.startswith(self._open):
            start = start[len(self._open) :].lstrip()
        self._held = start
        if not self._open.startswith(start):
            self._phase = _Phase.THINKING

    def _think(self) -> str:
        thinking, close, rest = self._held.partition(self._close)
        if close:
            self._held = rest
            self._phase = _Phase.BETWEEN
            return thinking.rstrip()
        sizes = range(len(self._close) - 1, 0, -1)
        keep = next((size for size in sizes if thinking.endswith(self._close[:size])), 0)
        # White space waits for what follows it: before the closing tag it is no part of the thinking.
        certain = thinking[: len(thinking) - keep].rstrip()
        self._held = thinking[len(certain) :]
        return certain
