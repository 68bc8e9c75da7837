"""Many models: who may queue, what is loaded at start-up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from axm1_llm.errors import (
    BusyError,
    LoadError,
    ModelNotFoundError,
    ModelUnavailableError,
    QueueFullError,
    ShuttingDownError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from axm1_llm.engine import Embeddings, Engine, EngineStatus, Generation, GenerationRequest
    from axm1_llm.scheduler.room import CardRoom


class Scheduler:
    """Gives each request to the engine of its model.

    Args:
        engines: one a model.
        max_queue: most requests that wait, over all models.
        room: who decides which of them are loaded at the same time; None: there is room for all.
    """

    def __init__(self, engines: Iterable[Engine], max_queue: int, room: CardRoom | None = None) -> None:
        self._engines = {engine.descriptor.model_name: engine for engine in engines}
        self._max_queue = max_queue
        self._room = room
        self._starting: set[str] = set()
        if room is not None:
            room.watch(self._engines.values())
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._startup: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def engines(self) -> tuple[Engine, ...]:
        """All of them, in the descriptor's order."""
        return tuple(self._engines.values())

    @property
    def starting(self) -> frozenset[str]:
        """The models that are still to be loaded because they run from start-up on."""
        return frozenset(self._starting)

    @property
    def stuck_cards(self) -> Mapping[int, str]:
        """The cards that need a reset, and what says so."""
        return self._room.stuck_cards if self._room is not None else {}

    def find(self, name: str) -> Engine:
        """The engine of the model that the descriptor calls so; what other names mean, `Models` knows.

        Raises:
            ModelNotFoundError: there is none.
        """
        engine = self._engines.get(name)
        if engine is None:
            raise ModelNotFoundError(name)
        return engine

    def generate(self, name: str, request: GenerationRequest) -> Generation:
        """Queue a prompt.

        Raises:
            ModelNotFoundError: there is no such model.
            ModelUnavailableError: its folder or script is missing.
            QueueFullError: too many requests wait.
            ShuttingDownError: the service leaves.
        """
        return self._queueing(name).submit(request)

    async def embed(self, name: str, texts: Sequence[str], keep_alive: float | None = None) -> Embeddings:
        """The vectors of `texts`, in their order; errors as `generate`, and what keeps them from coming.

        Raises:
            UnsupportedError: the model's runtime gives no vectors.
            CardFullError: models that stay loaded for ever leave no room for it.
            ModelError: it failed.
        """
        return await self._queueing(name).embed(texts, keep_alive)

    async def load(self, name: str, keep_alive: float | None = None) -> None:
        """Return when the model is ready; it stays for `keep_alive` seconds if nothing follows.

        Errors as `generate` but for QueueFullError.

        Raises:
            CardFullError: models that stay loaded for ever leave no room for it.
            LoadError: it did not come up.
        """
        await self._usable(name).load(keep_alive)

    async def unload(self, name: str) -> None:
        """Return when the model's runtime is gone.

        Raises:
            ModelNotFoundError: there is no such model.
        """
        await self.find(name).unload()

    def statuses(self) -> tuple[EngineStatus, ...]:
        """One look at each model."""
        return tuple(engine.status() for engine in self._engines.values())

    def start(self) -> None:
        """Start the engines' tasks, and load what is to run from start-up on."""
        self._starting = {name for name, engine in self._engines.items() if engine.descriptor.run_on_startup}
        self._tasks = {name: asyncio.create_task(engine.run()) for name, engine in self._engines.items()}
        self._startup = asyncio.create_task(self._load_startup_models())

    async def close(self) -> None:
        """Take no more requests, end those in hand, and leave no process behind."""
        self._closing = True
        if self._startup is not None:
            self._startup.cancel()
        if self._room is not None:
            await self._room.aclose()
        await asyncio.gather(
            *(self._engines[name].close(task) for name, task in self._tasks.items()), return_exceptions=True
        )

    def _queueing(self, name: str) -> Engine:
        engine = self._usable(name)
        if sum(other.queue_length for other in self._engines.values()) >= self._max_queue:
            raise QueueFullError
        return engine

    def _usable(self, name: str) -> Engine:
        engine = self.find(name)
        if self._closing:
            raise ShuttingDownError
        # Not of a model that is loaded: to look at the disk takes as long as a token.
        if not engine.is_loaded and (problem := engine.descriptor.problem()):
            raise ModelUnavailableError(
                f"model '{engine.descriptor.model_name}' cannot be started: {problem}"
            )
        return engine

    async def _load_startup_models(self) -> None:
        # One after the other: two that load at once on one card only slow each other down.
        log = structlog.get_logger()
        for name in [name for name in self._engines if name in self._starting]:
            try:
                await self.load(name)
            except (LoadError, ModelUnavailableError, BusyError) as error:
                log.warning("startup_model_not_loaded", reason=str(error))
            finally:
                self._starting.discard(name)
