"""Incremental decoding for tokenizers that decode whole lists of ids only: a window of the last ones.

Each token is decoded together with those before it, and what was known already is taken off the front.
How the lists are decoded is the caller's matter (in this process, or by asking a script), so `push` is a
generator: it yields a list of ids, is sent its text, and returns the text that the token completed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

_LONGEST = 12
_KEPT = 6
# An unfinished character has at most three tokens; a run of U+FFFD beyond this is what the model wrote.
_MOST_UNFINISHED = 24


class Window:
    """The last tokens of one answer.

    Attributes:
        unfinished: the last token left a character unfinished.
    """

    def __init__(self) -> None:
        self._ids: list[int] = []
        self._told: str | None = ""  # the text of `_ids` that was given out; None: has to be asked for again
        self.unfinished = False

    def push(self, token: int) -> Generator[Sequence[int], str, str]:
        """See the module's text; a generator that is dropped half-way loses this token's text only."""
        before = tuple(self._ids)
        self._ids.append(token)
        told, self._told = self._told, None
        if told is None:
            told = (yield before).rstrip("\ufffd")  # that would be a character which is unfinished still
        text = yield self._ids
        self.unfinished = text.endswith("\ufffd") and len(self._ids) < _MOST_UNFINISHED
        if self.unfinished:
            self._told = told
            return ""
        # Not a prefix: the tokenizer changes what it wrote before ("clean-up" of spaces).
        new = text[len(told) :] if text.startswith(told) else (yield [token])
        if len(self._ids) < _LONGEST:
            self._told = text
        else:
            del self._ids[:-_KEPT]
        return new

    def skip(self, ids: Sequence[int]) -> None:
        """Take tokens whose text was had in another way."""
        self._ids = [*self._ids, *ids][-_KEPT:]
        self._told = None
