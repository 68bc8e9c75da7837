"""Many models: who may queue, what is loaded at start-up."""

from __future__ import annotations

import asyncio
from collections import deque
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
from axm1_llm.scheduler.running import EngineTasks, SupersededError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from axm1_llm.descriptors import ModelDescriptor
    from axm1_llm.descriptors.changes import Changes
    from axm1_llm.engine import Embeddings, Engine, EngineStatus, Generation, GenerationRequest
    from axm1_llm.scheduler.room import CardRoom


class Scheduler:
    """Gives each request to the engine of its model.

    Args:
        engines: one a model.
        max_queue: most requests that wait, over all models.
        room: who decides which of them are loaded at the same time; None: there is room for all.
        on_gone: told of each model that was taken out and whose runtime has left.
    """

    def __init__(
        self,
        engines: Iterable[Engine],
        max_queue: int,
        room: CardRoom | None = None,
        on_gone: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._engines = {engine.descriptor.model_name: engine for engine in engines}
        self._max_queue = max_queue
        self._room = room
        self._tasks = EngineTasks(room, on_gone)
        self._starting: set[str] = set()
        self._to_load: deque[str] = deque()
        self._loading: asyncio.Task[None] | None = None
        self._leaving = asyncio.Event()

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
        return self.admit(name).submit(request)

    async def embed(self, name: str, texts: Sequence[str], keep_alive: float | None = None) -> Embeddings:
        """The vectors of `texts`, in their order; errors as `generate`, and what keeps them from coming.

        Raises:
            UnsupportedError: the model's runtime gives no vectors.
            CardFullError: models that stay loaded for ever leave no room for it.
            ModelError: it failed.
        """
        return await self.admit(name).embed(texts, keep_alive)

    async def load(self, name: str, keep_alive: float | None = None) -> None:
        """Return when the model is ready; it stays for `keep_alive` seconds if nothing follows.

        Errors as `generate` but for QueueFullError.

        Raises:
            CardFullError: models that stay loaded for ever leave no room for it.
            LoadError: it did not come up.
        """
        while True:
            try:
                return await self._usable(name).load(keep_alive)
            except SupersededError:
                continue  # the descriptor file was changed meanwhile: its new engine is asked

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
        for engine in self._engines.values():
            self._tasks.start(engine)
        self._to_load.extend(
            name for name, engine in self._engines.items() if engine.descriptor.run_on_startup
        )
        self._starting = set(self._to_load)
        self._load_in_turn()

    def apply(self, changes: Changes, engine_of: Callable[[ModelDescriptor], Engine]) -> None:
        """Run what the descriptor file says now; what did not change goes on untouched.

        Args:
            changes: from what runs now, by `RUNTIME_KEYS`.
            engine_of: makes an engine for a model that is new, or that needs a new runtime.
        """
        if self.is_leaving:
            return
        before, self._engines = self._engines, {}
        for model in changes.models:
            name = model.model_name
            old = before.get(name)
            if self._is_to_be_loaded(old, model, changes):
                self._to_load.append(name)
            if old is None:
                engine = engine_of(model)
                self._tasks.start(engine)
            elif name in changes.changed:
                engine = engine_of(model)
                self._tasks.replace(old, engine)
            else:
                engine = old
                if name in changes.adjusted:
                    engine.adjust(model)
            self._engines[name] = engine
        for name in changes.removed:
            self._tasks.remove(before[name])
        self._starting &= self._engines.keys()
        self._load_in_turn()

    @staticmethod
    def _is_to_be_loaded(old: Engine | None, model: ModelDescriptor, changes: Changes) -> bool:
        """Whether a model is wanted on the card at once because the descriptor file is another now."""
        if old is not None and model.model_name in changes.changed:
            return model.run_on_startup or old.is_loaded
        return model.run_on_startup and not (old is not None and old.descriptor.run_on_startup)

    @property
    def is_leaving(self) -> bool:
        """Whether the service takes no more requests."""
        return self._leaving.is_set()

    async def until_leaving(self) -> None:
        """Return when the service is told to leave."""
        await self._leaving.wait()

    async def leave(self) -> None:
        """Take no more requests; those in hand, and those that wait, go on until `close`."""
        self._leaving.set()
        if self._loading is not None:
            self._loading.cancel()

    async def close(self) -> None:
        """Take no more requests, end those in hand, and leave no process behind."""
        await self.leave()
        if self._room is not None:
            await self._room.aclose()
        await self._tasks.close()

    def admit(self, name: str) -> Engine:
        """The engine that takes a prompt now, and what follows from it; errors as `generate`."""
        engine = self._usable(name)
        if sum(other.queue_length for other in self._engines.values()) >= self._max_queue:
            raise QueueFullError
        return engine

    def _usable(self, name: str) -> Engine:
        engine = self.find(name)
        if self.is_leaving:
            raise ShuttingDownError
        # Not of a model that is loaded: to look at the disk takes as long as a token.
        if not engine.is_loaded and (problem := engine.descriptor.problem()):
            raise ModelUnavailableError(
                f"model '{engine.descriptor.model_name}' cannot be started: {problem}"
            )
        return engine

    def _load_in_turn(self) -> None:
        if self._to_load and (self._loading is None or self._loading.done()):
            self._loading = asyncio.create_task(self._load_models())

    async def _load_models(self) -> None:
        # One after the other: two that load at once on one card only slow each other down.
        log = structlog.get_logger()
        while self._to_load:
            name = self._to_load.popleft()
            try:
                await self.load(name)
            except (LoadError, ModelNotFoundError, ModelUnavailableError, BusyError) as error:
                log.warning("startup_model_not_loaded", reason=str(error))
            finally:
                self._starting.discard(name)
