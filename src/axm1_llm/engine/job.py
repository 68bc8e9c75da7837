"""A piece of work for one model, as the queue and the engine's task see it: prompts and embeddings alike.

A job has two ends. *Done*: the caller has what it will get. *Finished*: the runtime is free again.
A caller that goes away never frees the runtime early.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from structlog.contextvars import get_contextvars

from axm1_llm.errors import RequestCancelledError

if TYPE_CHECKING:
    from collections.abc import Callable

    from axm1_llm.errors import Axm1Error


class Job(ABC):
    """Waits for its turn, and ends once.

    Args:
        submitted: when it was asked for, on the monotonic clock, in nanoseconds.
        keep_alive: seconds that the model stays loaded when nothing follows; None: as it is set.
        wake: called when the caller cancels, so that the engine looks.

    Attributes:
        operation: what is done, in OpenTelemetry's words: ``chat``, ``text_completion``, ``embeddings``.
        request_id: of the request that it belongs to, for the log; "" when there is none.
        traceparent: the W3C header of that request; "" when it had none.
        failures: runtimes that failed at it.
        finished: set when the runtime is free again.
    """

    operation: str

    def __init__(self, submitted: int, keep_alive: float | None, wake: Callable[[], None]) -> None:
        self.submitted = submitted
        self.keep_alive = keep_alive
        bound = get_contextvars()
        self.request_id = str(bound.get("request_id", ""))
        self.traceparent = str(bound.get("traceparent", ""))
        self.failures = 0
        self.finished = asyncio.Event()
        self._error: Axm1Error | None = None
        self._wake = wake
        self._news = asyncio.Event()

    @property
    @abstractmethod
    def has_result(self) -> bool:
        """Whether the work is complete."""

    @property
    @abstractmethod
    def has_begun(self) -> bool:
        """Whether the caller has got a part of the result: then it cannot be done again unseen."""

    @property
    def done(self) -> bool:
        """Whether the caller has what it will get: nothing more will be delivered."""
        return self.has_result or self._error is not None

    @property
    def error(self) -> Axm1Error | None:
        """Why there will be no result; None as long as there may be one."""
        return self._error

    @property
    def cancelled(self) -> bool:
        """Whether the caller went away before the result was there."""
        return isinstance(self._error, RequestCancelledError)

    def cancel(self) -> None:
        """Say that nobody waits for the result any more; without effect once it is there."""
        if not self.done:
            self.fail(RequestCancelledError())
            self._wake()

    def moved(self, wake: Callable[[], None]) -> None:
        """It waits at another engine now: see `wake` above."""
        self._wake = wake

    def fail(self, error: Axm1Error) -> None:
        """The work cannot be completed."""
        if not self.done:
            self._error = error
            self._news.set()
