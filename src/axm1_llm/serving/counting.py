"""How many tokens a prompt has, without the card."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from axm1_llm.errors import UnsupportedError

if TYPE_CHECKING:
    from axm1_llm.descriptors import ModelDescriptor
    from axm1_llm.tokenizer.prompts import PromptSpec


class Tokenizer(Protocol):
    """What a count needs of a model's tokenizer; see `TokenizerClient`."""

    async def start(self, model: str) -> None:
        """Return when the tokenizer answers."""
        ...

    async def count(self, model: str, spec: PromptSpec) -> int:
        """The tokens of a prompt."""
        ...


TokenizerOf = Callable[["ModelDescriptor"], Tokenizer | None]
"""The tokenizer of a model; None when only its runtime has one."""


def no_tokenizer(_: ModelDescriptor) -> None:
    """For models whose tokens nobody can count."""


async def count_tokens(descriptor: ModelDescriptor, tokenizer: Tokenizer | None, spec: PromptSpec) -> int:
    """The tokens of the whole prompt, nothing cut off; pictures as the runtime had them last.

    Raises:
        UnsupportedError: the model's tokenizer is a part of its runtime.
        RequestError: the messages do not go through the model's chat template.
        TokenizerError: the tokenizer does not come up, or failed.
    """
    name = descriptor.model_name
    if tokenizer is None:
        raise UnsupportedError(
            f'"{name}" does not support counting tokens: its tokenizer is a part of its runtime'
        )
    await tokenizer.start(name)
    return await tokenizer.count(name, spec)
