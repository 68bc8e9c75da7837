"""What the gateway and the tickets need of a tokenizer, whichever kind it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from axm1_llm.tokenizer.prompts import PromptSpec


@dataclass(frozen=True, slots=True)
class EncodedPrompt:
    """A rendered and encoded prompt.

    Attributes:
        ids: its tokens; never empty.
        opens_thinking: it ends inside an open ``<think>`` block.
    """

    ids: tuple[int, ...]
    opens_thinking: bool = False


class AnswerDecoder(Protocol):
    """Decodes the tokens of one answer in order."""

    def push(self, ids: Sequence[int]) -> list[str | None] | Awaitable[list[str | None]]:
        """One text a token: empty while a character is unfinished, None when it could not be decoded.

        Never raises; a decoder that has to wait returns an awaitable.
        """
        ...


class Backend(Protocol):
    """A tokenizer that is ready.

    Attributes:
        bos_id: -1 when the model has none, as the runtime expects it.
        eos_id: the same.
        image_ids: ``img_start_token`` and ``img_context_token``, those that the vocabulary has.
    """

    bos_id: int
    eos_id: int
    image_ids: dict[str, int]

    async def encode_prompt(self, spec: PromptSpec) -> EncodedPrompt:
        """Render and encode, within ``spec.limit``.

        Raises:
            PromptTooLongError: see `PromptSpec.truncate`.
            RequestError: the messages do not go through the chat template.
            TokenizerError: the tokenizer gave no usable answer.
        """
        ...

    def encode_text(self, text: str) -> list[int] | Awaitable[list[int]]:
        """The ids of one user turn, as the vendor's scripts give them for a line that somebody typed.

        Raises:
            RequestError: the text does not go through the chat template.
            TokenizerError: the tokenizer gave no usable answer.
        """
        ...

    def decoder(self) -> AnswerDecoder:
        """A decoder that has seen no token yet."""
        ...
