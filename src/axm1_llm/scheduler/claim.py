"""One engine's place on its cards, from its wish to its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from axm1_llm.engine.states import State
from axm1_llm.scheduler.snapshot import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from axm1_llm.engine import Engine
    from axm1_llm.errors import CardFullError
    from axm1_llm.scheduler.files import ModelFiles


class Claim:
    """A place, asked for or given; see `Reservation`. All times are on the loop's clock.

    Args:
        engine: whose.
        files: what its model's folder tells.
        wake: has the engine look at the claim.
        returned: called when it is given back.

    Attributes:
        granted: the model may be loaded.
        refusal: why it never will be while things are as they are.
        asked_at: when it was asked for.
        granted_at: when it was granted.
        loaded_at: when the model was loaded; None before.
        shared_load: another model was loaded on the same card at the same time.
    """

    def __init__(
        self,
        engine: Engine,
        files: ModelFiles,
        wake: Callable[[], None],
        returned: Callable[[Claim], None],
    ) -> None:
        self.engine = engine
        self.files = files
        self._wake = wake
        self._returned = returned
        self.granted = False
        self.refusal: CardFullError | None = None
        self.asked_at = self.granted_at = asyncio.get_running_loop().time()
        self.loaded_at: float | None = None
        self.shared_load = False
        self._leaving: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """Of the engine."""
        return self.engine.descriptor.model_name

    @property
    def devices(self) -> tuple[int, ...]:
        """The cards that it is for."""
        return self.files.devices

    @property
    def stage(self) -> Stage:
        """How far the model is."""
        if not self.granted:
            return Stage.WAITING
        if self.engine.is_loaded:
            return Stage.LOADED
        if self.loaded_at is not None or self.engine.status().state is State.STOPPING:
            return Stage.LEAVING
        return Stage.LOADING

    @property
    def evicted(self) -> bool:
        """Whether it was made to leave."""
        return self._leaving is not None

    def grant(self) -> None:
        """Let the engine load its model."""
        self.granted = True
        self.granted_at = asyncio.get_running_loop().time()
        self._wake()

    def refuse(self, error: CardFullError) -> None:
        """Tell the engine that there will be no place."""
        self.refusal = error
        self._wake()

    def send_away(self) -> None:
        """Have the model leave, after the prompt in hand."""
        if self._leaving is None:
            self._leaving = asyncio.get_running_loop().create_task(self.engine.unload())

    def spare(self) -> None:
        """Let a model stay that was to leave and has not begun: who waited for its place is gone."""
        if self._leaving is not None and self.engine.is_loaded:
            self._leaving.cancel()
            self._leaving = None

    def shares_a_card(self, other: Claim) -> bool:
        """Whether both use the same card."""
        return not set(self.devices).isdisjoint(other.devices)

    def give_back(self) -> None:
        """The life is over, or nobody wants the model any more."""
        self._returned(self)
