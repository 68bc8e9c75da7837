"""What token ids mean, for the scripted mode and for built-in tokenizers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST_SPECIAL = 256


class Vocabulary(Protocol):
    """Text to token ids and back."""

    @property
    def eos_id(self) -> int:
        """The id that ends an answer; -1 when the vocabulary names none."""
        ...

    def encode(self, text: str) -> list[int]:
        """The ids of the text, no special tokens added; those named in the text are recognised."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the ids, special tokens included; broken characters become U+FFFD."""
        ...


class ByteVocabulary:
    """A token is a byte; ids from 256 on are special tokens without a text."""

    eos_id = FIRST_SPECIAL

    def encode(self, text: str) -> list[int]:
        """The bytes of the text in UTF-8."""
        return list(text.encode())

    def decode(self, ids: Sequence[int]) -> str:
        """The text of those ids that are bytes."""
        return bytes(number for number in ids if number < FIRST_SPECIAL).decode(errors="replace")


class FileVocabulary:
    """The vocabulary of a ``tokenizer.json``, which does not say which token ends an answer."""

    eos_id = -1

    def __init__(self, path: str) -> None:
        """Read the file.

        Raises:
            OSError: it cannot be read.
        """
        from tokenizers import Tokenizer  # noqa: PLC0415 - 50 ms that the other modes need not pay

        self._tokenizer = Tokenizer.from_str(Path(path).read_text(encoding="utf-8"))

    def encode(self, text: str) -> list[int]:
        """The ids of the text."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the ids."""
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return text
