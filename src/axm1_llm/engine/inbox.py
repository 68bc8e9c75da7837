"""What others ask of an engine: prompts in their order, a load, an unload, the end."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from axm1_llm.engine.generation import Generation
    from axm1_llm.errors import Axm1Error


class Inbox:
    """Messages for the engine's task, which alone acts on them.

    Args:
        on_length: told how many prompts wait, whenever that changes.
        on_end: told of each prompt that ended while it waited.

    Attributes:
        news: set whenever there is something to look at.
        closing: the service leaves.
    """

    def __init__(self, on_length: Callable[[int], None], on_end: Callable[[Generation], None]) -> None:
        self._on_length = on_length
        self._on_end = on_end
        self._prompts: deque[Generation] = deque()
        self._loads: list[asyncio.Future[None]] = []
        self._unloads: list[asyncio.Future[None]] = []
        self.news = asyncio.Event()
        self.closing = False

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

    def add(self, generation: Generation) -> None:
        """Put a prompt behind those that wait."""
        self._prompts.append(generation)
        self._changed()

    def take(self) -> Generation | None:
        """The prompt whose turn it is; those whose callers left are dropped, they must not cause a load."""
        self.drop_done()
        if not self._prompts:
            return None
        generation = self._prompts.popleft()
        self._changed()
        return generation

    def drop_done(self) -> None:
        """Forget prompts whose callers left."""
        left = [generation for generation in self._prompts if generation.done]
        for generation in left:
            self._prompts.remove(generation)
            self._end(generation)
        if left:
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
        for generation in self._prompts:
            generation.fail(error)
            self._end(generation)
        self._prompts.clear()
        for waiter in self._loads:
            if not waiter.done():
                waiter.set_exception(error)
        self._loads.clear()
        self._changed()

    def close(self, error: Axm1Error) -> None:
        """The service leaves: what waits fails with `error`."""
        self.closing = True
        self.fail(error)

    def _end(self, generation: Generation) -> None:
        generation.finished.set()
        self._on_end(generation)

    async def _wait(self, waiters: list[asyncio.Future[None]]) -> None:
        waiter = asyncio.get_running_loop().create_future()
        waiters.append(waiter)
        self.news.set()
        await waiter

    def _changed(self) -> None:
        self._on_length(len(self._prompts))
        self.news.set()


def _resolve(waiters: list[asyncio.Future[None]]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)
    waiters.clear()
