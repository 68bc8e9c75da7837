"""A card that is stuck: said, and, where its owner allows it, reset.

Not tried on a real card: that ``axcl-smi reboot -d N`` brings a card back is the vendor's word.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import structlog

from axm1_llm.scheduler.card_health import CardHealth

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from axm1_llm.errors import ModelError
    from axm1_llm.metrics import Card, Metrics

_BETWEEN_RESETS = 600.0  # seconds: a card that a reset does not help must not be reset for ever
_COMES_BACK = 120.0  # seconds
_LOOK = 2.0  # seconds between two looks for a card that reboots; nothing tells when it is back


class CardCare:
    """Watches over the cards of one machine.

    Args:
        card: asks about them, and resets them; None: there is no tool for it.
        metrics: told of cards that need a reset, and of resets.
        resets: whether a stuck card may be reset.
        clear: has all models leave a card; whether they did.
        freed: called when a card may be used again.
    """

    def __init__(
        self,
        card: Card | None,
        metrics: Metrics,
        *,
        resets: bool,
        clear: Callable[[int], Awaitable[bool]],
        freed: Callable[[], None],
    ) -> None:
        self._card = card
        self._metrics = metrics
        self._resets = resets and card is not None
        self._clear = clear
        self._freed = freed
        self._health = CardHealth()
        self._begun: dict[int, float] = {}  # when each card was reset last, on the loop's clock
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._log = structlog.get_logger()

    @property
    def stuck(self) -> Mapping[int, str]:
        """The cards that need a reset, and what says so."""
        return self._health.stuck

    def is_resetting(self, devices: Collection[int]) -> bool:
        """Whether one of these cards is being reset: nothing may be loaded onto it."""
        return not self._tasks.keys().isdisjoint(devices)

    def failed(self, devices: Collection[int], error: ModelError, *, loading: bool) -> str:
        """A runtime on these cards failed; what can be done about the cards, "" for nothing."""
        for device in self._health.failed(devices, error, loading=loading):
            self._say(device)
        for device in sorted(self._health.stuck.keys() & set(devices)):
            if self._may_reset(device):
                self._begun[device] = asyncio.get_running_loop().time()
                self._tasks[device] = asyncio.create_task(self._reset(device))
            if device in self._tasks:
                return f"card {device} seems to be stuck and is being reset"
            return f"card {device} seems to be stuck; reset it: {_command(device)}"
        return ""

    def works(self, devices: Collection[int]) -> None:
        """A model was loaded onto these cards."""
        for device in self._health.works(devices):
            self._metrics.card_needs_reset(device, needed=False)
            self._log.info("card_works_again", device=device)

    async def aclose(self) -> None:
        """Reset nothing any more; a reset that has begun is given up."""
        tasks = tuple(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _say(self, device: int) -> None:
        reason = self._health.stuck[device]
        self._metrics.card_needs_reset(device, needed=True)
        self._log.error("card_needs_reset", device=device, reason=reason, run=_command(device))

    def _may_reset(self, device: int) -> bool:
        since = asyncio.get_running_loop().time() - self._begun.get(device, -math.inf)
        return self._resets and device not in self._tasks and since >= _BETWEEN_RESETS

    async def _reset(self, device: int) -> None:
        try:
            if self._card is None or not await self._clear(device):
                self._log.warning("card_not_reset", device=device, reason="a model does not leave it")
                return
            problem = await self._card.reboot(device) or await self._until_back(self._card, device)
            if problem is not None:
                self._log.error("card_not_reset", device=device, reason=problem)
                return
            self._metrics.card_was_reset(device)
            self._log.warning("card_was_reset", device=device)
            self.works((device,))
        finally:
            del self._tasks[device]
            self._freed()

    async def _until_back(self, card: Card, device: int) -> str | None:
        """Wait until ``axcl-smi`` shows the card again; None when it does, else what is wrong."""
        deadline = asyncio.get_running_loop().time() + _COMES_BACK
        while asyncio.get_running_loop().time() < deadline:
            if any(reading.device == device for reading in await card.read(fresh=True)):
                return None
            await asyncio.sleep(_LOOK)
        return f"it did not come back within {_COMES_BACK:g} s"


def _command(device: int) -> str:
    return f"axcl-smi reboot -d {device}"
