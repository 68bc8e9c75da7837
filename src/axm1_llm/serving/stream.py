"""The one stream of events that every dialect translates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from axm1_llm.engine import Delta, Summary


class AnswerStream(Protocol):
    """An answer on its way; one caller reads it."""

    @property
    def prompt_tokens(self) -> int | None:
        """Tokens of the prompt; known before the first batch comes."""
        ...

    @property
    def summary(self) -> Summary | None:
        """The figures, once the answer is complete."""
        ...

    def batches(self) -> AsyncIterator[list[Delta]]:
        """What has come since the last look, never empty, until the answer is complete.

        Raises:
            Axm1Error: the answer cannot be completed; what came before it stands.
        """
        ...

    def cancel(self) -> None:
        """Say that nobody waits for the result any more; without effect once it is there."""
        ...
