"""Which cards are stuck, told by what failed on them. Pure: no clock, no I/O.

A card whose driver or firmware hangs opens no more, or lets loads stand still. One load in ten does so by
chance on a healthy card (as users of the vendor's runtimes count), so it takes several in a row.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from axm1_llm.errors import RuntimeStalledError, RuntimeStuckError

if TYPE_CHECKING:
    from collections.abc import Collection

    from axm1_llm.errors import ModelError

LOADS = 3
"""Loads in a row that must fail in a way that speaks for a stuck card."""

_NOT_OPENED = re.compile(r"axcl_Init\(|Set AXCL device failed")


class CardHealth:
    """The signs for each card, by its number.

    Attributes:
        stuck: the cards that need a reset, and what says so.
    """

    def __init__(self) -> None:
        self._failed: dict[int, int] = {}
        self.stuck: dict[int, str] = {}

    def failed(self, devices: Collection[int], error: ModelError, *, loading: bool) -> tuple[int, ...]:
        """Take in that a runtime on these cards failed; those that are stuck since now.

        Args:
            devices: the runtime's cards.
            error: how it failed.
            loading: it was not loaded yet.
        """
        if isinstance(error, RuntimeStuckError):
            return self._found(devices, error.reason)
        if not loading or not (isinstance(error, RuntimeStalledError) or _NOT_OPENED.search(error.reason)):
            return ()
        for device in devices:
            self._failed[device] = self._failed.get(device, 0) + 1
        often = [device for device in devices if self._failed[device] >= LOADS]
        return self._found(often, f"{LOADS} loads in a row failed, the last one so: {error.reason}")

    def works(self, devices: Collection[int]) -> tuple[int, ...]:
        """Take in that a model was loaded onto these cards; those that were stuck until now."""
        for device in devices:
            self._failed.pop(device, None)
        return tuple(device for device in devices if self.stuck.pop(device, None) is not None)

    def _found(self, devices: Collection[int], reason: str) -> tuple[int, ...]:
        new = tuple(device for device in devices if device not in self.stuck)
        self.stuck.update(dict.fromkeys(new, reason))
        return new
