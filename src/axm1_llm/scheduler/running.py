"""The tasks of the engines, those of engines that leave too: of one model one runs after the other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from axm1_llm.errors import Axm1Error, ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from axm1_llm.engine import Engine
    from axm1_llm.scheduler.room import CardRoom


class SupersededError(Axm1Error):
    """Another engine runs the model now; no caller sees it, who waits for a load asks that one."""


class ModelRemovedError(ModelNotFoundError):
    """The model left the descriptor file while somebody waited for it."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self.args = (f"model '{model}' not found: it was taken out of the descriptor file just now",)


class EngineTasks:
    """Runs engines. Two of one model would fight for its card and its tokenizer's port.

    Args:
        room: knows only the engines that run; None: there is room for all.
        on_gone: told of a model whose last engine has ended and which has no other.
    """

    def __init__(self, room: CardRoom | None, on_gone: Callable[[str], None]) -> None:
        self._room = room
        self._on_gone = on_gone
        self._tasks: dict[Engine, asyncio.Task[None]] = {}
        self._newest: dict[str, Engine] = {}
        self._at_end: dict[Engine, Callable[[], None]] = {}

    def start(self, engine: Engine) -> None:
        """Run an engine, once those of the same model that leave have ended; one that runs goes on."""
        if engine in self._tasks:
            return
        name = engine.descriptor.model_name
        before = self._newest.get(name)
        self._newest[name] = engine
        leaving = None if before is None else self._tasks.get(before)
        self._tasks[engine] = asyncio.create_task(self._run(engine, leaving))

    def replace(self, old: Engine, new: Engine) -> None:
        """Let `old` answer the prompt in hand and leave; `new` runs after it, and has what waited there."""
        new.log = old.log  # somebody may be reading it
        new.adopt(old.hand_over())
        old.retire(SupersededError())
        # A runtime that fails gives its prompt back, which the fresh one gets.
        if old in self._tasks:
            self._at_end[old] = lambda: new.adopt(old.hand_over())
        self.start(new)

    def remove(self, old: Engine) -> None:
        """Let `old` answer the prompt in hand and leave; what waited there fails."""
        error = ModelRemovedError(old.descriptor.model_name)
        old.retire(error)
        self._at_end[old] = lambda: old.retire(error)
        if old not in self._tasks:  # the service has just begun to start
            self._ended(old)

    async def close(self) -> None:
        """End all of them, and leave no process behind."""
        ending = (engine.close(task) for engine, task in self._tasks.items())
        await asyncio.gather(*ending, return_exceptions=True)

    async def _run(self, engine: Engine, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait((before,))
        if self._room is not None:
            self._room.watch((engine,))
        try:
            await engine.run()
        finally:
            self._ended(engine)

    def _ended(self, engine: Engine) -> None:
        self._tasks.pop(engine, None)
        at_end = self._at_end.pop(engine, None)
        if at_end is None:
            return  # the service leaves
        at_end()
        name = engine.descriptor.model_name
        if self._room is not None:
            self._room.forget(name)
        if self._newest.get(name, engine) is engine:
            self._newest.pop(name, None)
            self._on_gone(name)
