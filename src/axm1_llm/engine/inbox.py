"""What others ask of an engine: prompts in their order, a load, an unload, the end."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from axm1_llm.engine.job import Job
    from axm1_llm.errors import Axm1Error


_NS = 1e9


@dataclass(frozen=True, slots=True)
class Waiting:
    """A prompt in the queue.

    Attributes:
        seconds: since its request came.
    """

    seconds: float


class Inbox:
    """Messages for the engine's task, which alone acts on them.

    Args:
        on_length: told how many prompts wait, whenever that changes.
        on_end: told of each prompt that ended while it waited.

    Attributes:
        news: set whenever there is something to look at.
    """

    def __init__(self, on_length: Callable[[int], None], on_end: Callable[[Job], None]) -> None:
        self._on_length = on_length
        self._on_end = on_end
        self._prompts: deque[Job] = deque()
        self._loads: list[asyncio.Future[None]] = []
        self._unloads: list[asyncio.Future[None]] = []
        self.news = asyncio.Event()
        self._closed_by: Axm1Error | None = None
        self._dropping: asyncio.Handle | None = None

    @property
    def closing(self) -> bool:
        """The service leaves, or another engine has taken its place."""
        return self._closed_by is not None

    def __len__(self) -> int:
        """Prompts that wait."""
        return len(self._prompts)

    @property
    def wants_model(self) -> bool:
        """Somebody waits for the model to be loaded."""
        return bool(self._prompts or self._loads)

    @property
    def wants_end(self) -> bool:
        """The runtime is to leave."""
        return self.closing or bool(self._unloads)

    def waiting(self, now: int) -> tuple[Waiting, ...]:
        """The prompts whose callers still wait, the next one first; `now` is in nanoseconds."""
        return tuple(Waiting((now - job.submitted) / _NS) for job in self._prompts if not job.done)

    def add(self, job: Job) -> None:
        """Put a prompt behind those that wait."""
        if self._closed_by is not None:
            job.fail(self._closed_by)
            self._end(job)
            return
        self._prompts.append(job)
        self._changed()

    def put_back(self, job: Job) -> None:
        """Put a job that was taken before all that wait."""
        self._prompts.appendleft(job)
        self._changed()

    def hand_over(self) -> tuple[Job, ...]:
        """Give all prompts that wait away, the next one first."""
        jobs = tuple(self._prompts)
        self._prompts.clear()
        self._changed()
        return jobs

    def adopt(self, jobs: Iterable[Job]) -> None:
        """Put prompts that waited at another engine, the next one first, before all that wait here."""
        adopted = tuple(jobs)
        for job in adopted:
            job.moved(self.left)
        self._prompts.extendleft(reversed(adopted))
        self._changed()

    def take(self) -> Job | None:
        """The prompt whose turn it is; those whose callers left are dropped, they must not cause a load."""
        self.drop_done()
        if not self._prompts:
            return None
        job = self._prompts.popleft()
        self._changed()
        return job

    def left(self) -> None:
        """A caller went away: its prompt goes now, not only when the one in hand is answered."""
        self.news.set()
        if self._dropping is None:  # where many leave at once, one look at the queue is enough
            self._dropping = asyncio.get_running_loop().call_soon(self.drop_done)

    def drop_done(self) -> None:
        """Forget prompts whose callers left."""
        self._dropping = None
        left = [job for job in self._prompts if job.done]
        if not left:
            return
        # All in one go: of a long queue many may leave together.
        self._prompts = deque(job for job in self._prompts if not job.done)
        for job in left:
            self._end(job)
        self._changed()

    async def loaded(self) -> None:
        """Ask for the model, and return when it is ready; raises what `fail` is given."""
        await self._wait(self._loads)

    async def unloaded(self) -> None:
        """Ask for the runtime's end, and return when it is gone."""
        await self._wait(self._unloads)

    def tell_loaded(self) -> None:
        """Let those go who waited for the model."""
        _resolve(self._loads)

    def tell_unloaded(self) -> None:
        """Let those go who waited for the runtime's end."""
        _resolve(self._unloads)

    def fail(self, error: Axm1Error) -> None:
        """Tell all who wait for the model that it will not come."""
        for job in self._prompts:
            job.fail(error)
            self._end(job)
        self._prompts.clear()
        for waiter in self._loads:
            if not waiter.done():
                waiter.set_exception(error)
        self._loads.clear()
        self._changed()

    def close(self, error: Axm1Error) -> None:
        """Nothing is taken any more: what waits, and what still comes, fails with `error`."""
        self._closed_by = error
        self.fail(error)

    def _end(self, job: Job) -> None:
        job.finished.set()
        self._on_end(job)

    async def _wait(self, waiters: list[asyncio.Future[None]]) -> None:
        waiter = asyncio.get_running_loop().create_future()
        waiters.append(waiter)
        self.news.set()
        try:
            await waiter
        finally:
            # A caller that went away must not cause a load: its wish goes with it.
            if waiter in waiters:
                waiters.remove(waiter)
                self.news.set()

    def _changed(self) -> None:
        self._on_length(len(self._prompts))
        self.news.set()


def _resolve(waiters: list[asyncio.Future[None]]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)
    waiters.clear()
