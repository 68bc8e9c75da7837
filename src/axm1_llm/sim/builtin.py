"""The tokenizer that some runtimes have built in (``--tokenizer_type`` 0, 1 and 3): no HTTP at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axm1_llm.sim.tokenizer_http import Encoded, Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axm1_llm.sim.vocabulary import Vocabulary


class BuiltinTokenizer:
    """Turns text into ids with a vocabulary of its own."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self.eos_id = vocabulary.eos_id

    def encode(self, text: bytes, *, last_reply: bytes | None = None, image: Image | None = None) -> Encoded:
        """The ids of a prompt; no chat template, and no JSON that could stumble over the text."""
        del last_reply, image
        ids = tuple(self._vocabulary.encode(text.decode(errors="replace")))
        return Encoded(ids, ids)

    def decode(self, ids: Sequence[int]) -> bytes:
        """The text of the ids."""
        return self._vocabulary.decode(ids).encode(errors="replace").partition(b"\0")[0]
