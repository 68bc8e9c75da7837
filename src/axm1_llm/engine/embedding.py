"""Texts that are to become vectors: a job beside the prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from axm1_llm.engine.job import Job
from axm1_llm.metrics import PromptSample

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_NS = 1e9


@dataclass(frozen=True, slots=True)
class Embeddings:
    """The vectors of some texts.

    Attributes:
        vectors: one a text, in the texts' order.
        prompt_tokens: tokens of all texts together; 0 where the runtime does not tell.
    """

    vectors: list[list[float]]
    prompt_tokens: int


class EmbeddingJob(Job):
    """Texts on their way to vectors.

    Args:
        texts: what is to be embedded.
        submitted: when, on the monotonic clock, in nanoseconds.
        keep_alive: see `Job`.
        wake: see `Job`.
    """

    operation = "embeddings"

    def __init__(
        self, texts: Sequence[str], submitted: int, keep_alive: float | None, wake: Callable[[], None]
    ) -> None:
        super().__init__(submitted, keep_alive, wake)
        self.texts = tuple(texts)
        self.embeddings: Embeddings | None = None

    @property
    def has_result(self) -> bool:
        """Whether all vectors are there."""
        return self.embeddings is not None

    @property
    def has_begun(self) -> bool:
        """Never: all vectors come together."""
        return False

    async def result(self) -> Embeddings:
        """The vectors, once they are there.

        Raises:
            Axm1Error: they will not come.
        """
        await self._news.wait()
        if self._error is not None:
            raise self._error
        assert self.embeddings is not None  # noqa: S101 - the news is one of both
        return self.embeddings

    def complete(self, embeddings: Embeddings) -> None:
        """All vectors are there."""
        if not self.done:
            self.embeddings = embeddings
            self._news.set()

    def sample(self, queued: int, worked: int) -> PromptSample:
        """The figures for the metrics; `queued` and `worked` are nanoseconds."""
        outcome = "stop" if self.embeddings else "cancelled" if self.cancelled else "failed"
        tokens = self.embeddings.prompt_tokens if self.embeddings else 0
        return PromptSample(outcome, tokens, 0, queued / _NS, None, worked / _NS, None)
