"""How often the runtimes of one model failed in a row, and what follows from it. Pure but for its dice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axm1_llm.errors import RuntimeDiedError, RuntimeStalledError

if TYPE_CHECKING:
    from collections.abc import Callable

    from axm1_llm.engine.deadlines import Deadlines
    from axm1_llm.errors import ModelError

_MOST_DOUBLINGS = 30  # a float overflows at a thousand: a month of requests to a model that never comes up
LOAD_ATTEMPTS = 3
REVIVALS = 5
HEALTHY = 600.0
"""Seconds: a runtime that lived so long has not failed for the same reason as the one before it."""


class Recovery:
    """Counts the lives that ended badly.

    Args:
        deadlines: the pauses between two starts.
        jitter: a random number from 0 to 1.
    """

    def __init__(self, deadlines: Deadlines, jitter: Callable[[], float]) -> None:
        self._deadlines = deadlines
        self._jitter = jitter
        self._failures = 0

    @property
    def may_revive(self) -> bool:
        """Whether a model that died may come back though nobody asks for it."""
        return self._failures <= REVIVALS

    @property
    def may_load_again(self) -> bool:
        """Whether a load that failed by chance is tried again for those who wait."""
        return self._failures < LOAD_ATTEMPTS

    def worked(self) -> None:
        """A job came to its end."""
        self._failures = 0

    def failed(self, lived: float) -> None:
        """A runtime failed that had been loaded for `lived` seconds; 0: it had not."""
        if lived > HEALTHY:
            self._failures = 0
        self._failures += 1

    def pause(self) -> float:
        """Seconds until the next start: longer after each failure, bounded, and never the same."""
        if not self._failures:
            return 0.0
        doubled = self._deadlines.backoff * 2.0 ** min(self._failures - 1, _MOST_DOUBLINGS)
        longest = min(doubled, self._deadlines.backoff_limit)
        return longest * (1 + self._jitter()) / 2


def is_chance(error: ModelError, *, named: bool) -> bool:
    """Whether a load may go better the next time: some hang or crash, and the next one works.

    Args:
        error: how it failed.
        named: the runtime named a reason, which will come again.
    """
    return isinstance(error, RuntimeStalledError | RuntimeDiedError) and not named
