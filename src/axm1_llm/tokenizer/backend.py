"""What the gateway and the tickets need of a tokenizer, whichever kind it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from axm1_llm.tokenizer.pictures import PictureCall
    from axm1_llm.tokenizer.prompts import PromptSpec


@dataclass(frozen=True, slots=True)
class EncodedPrompt:
    """A rendered and encoded prompt.

    Attributes:
        ids: its tokens; never empty.
        opens_thinking: it ends inside an open ``<think>`` block.
        text: what was encoded: the rendered prompt, or the turn that a script was asked for.
        system: the system prompt that a script was told apart from the turn.
        pictures: how many it shows; each is one placeholder in `ids`, or not there at all.
    """

    ids: tuple[int, ...]
    opens_thinking: bool = False
    text: str = ""
    system: str | None = None
    pictures: int = 0


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
        end_ids: more tokens than `eos_id` that end the model's turn.
        spell: the bytes of an id, special tokens among them; None when they are not known.
    """

    bos_id: int
    eos_id: int
    image_ids: dict[str, int]
    end_ids: frozenset[int]
    spell: Callable[[int], bytes] | None

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

    def encode_pictures(
        self, prompt: EncodedPrompt, call: PictureCall
    ) -> tuple[int, ...] | Awaitable[tuple[int, ...]]:
        """A prompt again, with the pictures that the runtime has encoded meanwhile.

        Raises:
            RequestError: the prompt shows none, or the call makes no sense.
            TokenizerError: the tokenizer gave no usable answer.
        """
        ...

    def decoder(self, *, tools: bool = False) -> AnswerDecoder:
        """A decoder that has seen no token yet.

        Args:
            tools: the prompt offers tools: special tokens that mark calls are text.
        """
        ...
