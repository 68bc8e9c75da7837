"""The text of an answer as it comes in, read by generators that wait when they need more of it.

A reader is a generator: each ``yield`` means "not decidable yet". So a format is written down as if all
text were there, and works in any chunking.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")
Reading = Generator[None, None, T]
"""Yields when it needs more text; returns what it found."""

_SPACE = re.compile(r"\s*")


class Tape:
    """Text with a place in it.

    Attributes:
        text: what has come and is not dropped yet.
        at: the place where the next reader begins.
        ended: no more will come: readers decide with what is there.
    """

    def __init__(self) -> None:
        self.text = ""
        self.at = 0
        self.ended = False

    def drop(self, length: int) -> str:
        """Take `length` characters off the start."""
        taken, self.text = self.text[:length], self.text[length:]
        self.at = max(0, self.at - length)
        return taken

    def more(self) -> Reading[bool]:
        """Wait for text behind what there is; False when the answer is over."""
        size = len(self.text)
        while len(self.text) == size and not self.ended:
            yield
        return len(self.text) > size

    def space(self) -> Reading[None]:
        """Go behind white space."""
        while True:
            found = _SPACE.match(self.text, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.text) or not (yield from self.more()):
                return

    def one_of(self, words: Iterable[str]) -> Reading[str]:
        """Go behind the longest of `words` that stands here; empty, and nowhere, when none does."""
        longest_first = sorted(words, key=len, reverse=True)
        while True:
            rest = self.text[self.at : self.at + len(longest_first[0])] if longest_first else ""
            maybe = [word for word in longest_first if word.startswith(rest) and len(word) > len(rest)]
            if not maybe or not (yield from self.more()):
                break
        here = next((word for word in longest_first if self.text.startswith(word, self.at)), "")
        self.at += len(here)
        return here

    def optional(self, words: Iterable[str]) -> Reading[str]:
        """`one_of` behind white space; without one the white space stays."""
        start = self.at
        yield from self.space()
        found = yield from self.one_of(words)
        if not found:
            self.at = start
        return found

    def word(self, pattern: re.Pattern[str]) -> Reading[str]:
        """Go behind what `pattern`, a class of characters that repeats, matches here."""
        while True:
            found = pattern.match(self.text, self.at)
            end = found.end() if found else self.at
            if end < len(self.text) or not (yield from self.more()):
                taken, self.at = self.text[self.at : end], end
                return taken

    def until(self, mark: str) -> Reading[str | None]:
        """The text up to `mark`, and go behind it; None when it does not come."""
        start, searched = self.at, self.at
        while (found := self.text.find(mark, searched)) < 0:
            searched = max(start, len(self.text) - len(mark) + 1)
            if not (yield from self.more()):
                self.at = len(self.text)  # read to its end, and in vain
                return None
        self.at = found + len(mark)
        return self.text[start:found]
