"""From the bytes of one input to what a target is about: chunks, JSON values, choices.

A fuzzer turns bytes over, so each byte here decides something, and when there are no more they are zeros:
every input means something, and a small change of it is a small change of what it means.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_Choice = TypeVar("_Choice")
_Piece = TypeVar("_Piece", str, bytes)

_DEEPEST = 6


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to fuzz.

    Attributes:
        check: takes any input; raises only when there is a defect.
        words: what means something to it; the fuzzer puts them into its inputs.
        share: how many inputs it gets in relation to the other targets: cheap ones get more.
        largest: of its inputs, in bytes.
    """

    check: Callable[[bytes], None]
    words: tuple[bytes, ...]
    share: int
    largest: int


class Reader:
    """Takes an input apart, from its start."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def empty(self) -> bool:
        """Whether only zeros are left."""
        return self._at >= len(self._data)

    def byte(self) -> int:
        """The next byte."""
        self._at += 1
        return 0 if self._at > len(self._data) else self._data[self._at - 1]

    def of(self, choices: Sequence[_Choice]) -> _Choice:
        """One of at most 65,536 choices."""
        number = self.byte() if len(choices) <= 256 else self.byte() << 8 | self.byte()
        return choices[number % len(choices)]

    def some(self, most: int = 8) -> bytes:
        """A few bytes, fewer than `most`."""
        length = self.byte() % most
        self._at += length
        return self._data[self._at - length : self._at]

    def rest(self) -> bytes:
        """All that is left."""
        start, self._at = self._at, max(self._at, len(self._data))
        return self._data[start:]

    def text(self) -> str:
        """All that is left, as text."""
        return self.rest().decode("utf-8", "ignore")

    def json(self, words: Sequence[str], depth: int = 0) -> object:
        """A JSON value of any shape, with these words for many of its texts and keys."""
        match self.byte() % (10 if depth < _DEEPEST else 6):
            case 0 | 1:
                value: object = self.of(words)
            case 2:
                value = self.some(16).decode("utf-8", "replace")
            case 3:
                value = self.byte() - 2
            case 4:
                value = self.of((None, True, False, 0.5, 2**31, -(2**63), 2**64 - 1, 1e308, "", "\x00"))
            case 5:
                value = string.printable * (self.byte() % 4)
            case 6:
                value = [self.json(words, depth + 1) for _ in range(self.byte() % 5)]
            case _:
                value = {self.of(words): self.json(words, depth + 1) for _ in range(self.byte() % 7)}
        return value


def chunks(data: _Piece, cutting: int) -> Iterator[_Piece]:
    """`data` cut in two sizes in turn, which a byte says; byte by byte for 0, whole for 255."""
    if cutting == 255:
        yield data
        return
    sizes = (1 + (cutting & 7), 1 + (cutting >> 3))
    at = turn = 0
    while at < len(data):
        yield data[at : at + sizes[turn]]
        at += sizes[turn]
        turn ^= 1
