"""What an engine drives, whatever speaks to it: a runtime on pipes, or a server of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from axm1_llm.engine.answering import Answer
    from axm1_llm.engine.embedding import EmbeddingJob
    from axm1_llm.engine.facts import RuntimeFacts
    from axm1_llm.engine.generation import Generation


class Runtime(Protocol):
    """One life of a model's process. It fires the transitions of its model from STARTING on, but STOP."""

    @property
    def facts(self) -> RuntimeFacts:
        """What the process has told of itself so far."""
        ...

    @property
    def latest(self) -> Answer | None:
        """The answer in hand, or the last one; None before the first."""
        ...

    async def initialize(self, unwanted: Callable[[], bool]) -> bool:
        """Return when it takes prompts; False when `unwanted` says that nobody wants it any more.

        Raises:
            ModelError: it gave up, or showed no progress for too long.
        """
        ...

    async def answer(self, generation: Generation, load: int) -> None:
        """Bring `generation` to its result, and the process back to where it takes the next prompt.

        Args:
            generation: the prompt.
            load: nanoseconds that it waited for the model to be loaded.

        Raises:
            Axm1Error: the prompt could not be answered; the process takes the next one if the state
                is READY, and is of no more use otherwise.
        """
        ...

    async def embed(self, job: EmbeddingJob) -> None:
        """The same for texts that are to become vectors."""
        ...

    async def news_before(self, deadline: float) -> None:
        """Return when there may be something to look at, at the latest at `deadline` (loop's clock).

        Raises:
            RuntimeDiedError: the process is gone.
        """
        ...

    async def stop(self) -> None:
        """Ask the process to leave in its own way, and make it leave if it does not."""
        ...


class Driver(Protocol):
    """Starts the runtimes of one model, one after the other."""

    async def prepare(self) -> None:
        """Return when the process may be started; fires the transition to STARTING.

        Raises:
            ModelError: something that it needs is missing, or does not come up.
        """
        ...

    def open(self) -> AbstractAsyncContextManager[Runtime]:
        """Start the process; leaving the block ends it.

        Raises:
            RuntimeDiedError: it cannot be executed.
        """
        ...
