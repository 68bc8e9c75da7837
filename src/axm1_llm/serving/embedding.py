"""Texts → vectors, of unit length."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from axm1_llm.errors import UnsupportedError
from axm1_llm.serving.abilities import EMBEDDING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from axm1_llm.scheduler import Scheduler
    from axm1_llm.serving.abilities import AbilityBook
    from axm1_llm.serving.models import Models


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Vectors of texts.

    Attributes:
        vectors: one a text, each of length 1.
        prompt_tokens: of all texts together.
    """

    vectors: tuple[tuple[float, ...], ...]
    prompt_tokens: int


@dataclass(frozen=True, slots=True)
class Embedder:
    """Asks models for vectors.

    Attributes:
        models: what names mean.
        abilities: what models can do.
        scheduler: runs them.
        on_prompt: told the model and the texts of each request.
    """

    models: Models
    abilities: AbilityBook
    scheduler: Scheduler
    on_prompt: Callable[[str, object], None]

    async def embed(
        self, name: str, texts: Sequence[str], keep_alive: float | None = None, dimensions: int | None = None
    ) -> Embeddings:
        """The vectors of `texts`; without texts the model is loaded and nothing else.

        Args:
            name: of the model.
            texts: what is embedded.
            keep_alive: seconds that the model stays loaded when nothing follows; None: as it is set.
            dimensions: the length to which vectors are cut; they are of unit length after it.

        Raises:
            ModelNotFoundError: there is no such model.
            UnsupportedError: it makes no vectors.
            ModelUnavailableError: its folder or script is missing.
            BusyError: too many requests wait, or the service leaves.
            ModelError: it failed.
        """
        descriptor = self.models.find(name).descriptor
        if EMBEDDING not in (await self.abilities.of(descriptor)).names:
            raise UnsupportedError(f'"{name}" does not support embeddings')
        if not texts:
            await self.scheduler.load(descriptor.model_name, keep_alive)
            return Embeddings((), 0)
        self.on_prompt(descriptor.model_name, list(texts))
        found = await self.scheduler.embed(descriptor.model_name, texts, keep_alive)
        vectors = tuple(_unit(vector[:dimensions]) for vector in found.vectors)
        return Embeddings(vectors, found.prompt_tokens)


def _unit(vector: Sequence[float]) -> tuple[float, ...]:
    length = math.hypot(*vector)
    return tuple(value / length for value in vector) if length else tuple(vector)
