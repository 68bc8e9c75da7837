"""How long a model stays loaded after it was used last: as Ollama has it."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from axm1_llm.descriptors import ModelDescriptor


class KeepAlive:
    """The clock that one model's stay runs by. All times are those of the event loop, in seconds.

    Args:
        descriptor: the model.
        usual: how long models stay of which nothing else is said.

    Attributes:
        expires: when the model leaves if no prompt comes; infinity for never, minus infinity while its stay
            is over.
        used: when a prompt or a load was asked for last; minus infinity for never.
    """

    def __init__(self, descriptor: ModelDescriptor, usual: float) -> None:
        self.expires = -math.inf
        self.used = -math.inf
        self._usual = usual
        self._set = self._setting(descriptor)
        self._wish: float | None = None  # what a request asked for last since the model was loaded

    def describe(self, descriptor: ModelDescriptor) -> None:
        """The owner has set another time; it holds at once for a stay of which no request said anything."""
        self._set = self._setting(descriptor)
        if self._wish is None and self.left > 0:
            self.expires = self.used + self._set

    def _setting(self, descriptor: ModelDescriptor) -> float:
        # Who wants a model from start-up on wants it to stay.
        unsaid = math.inf if descriptor.run_on_startup else self._usual
        own = descriptor.keep_alive_seconds
        return unsaid if own is None else own

    @property
    def pinned(self) -> bool:
        """Whether the model's owner wants it to stay for ever.

        A request that says so does not count: Home Assistant sends ``keep_alive: -1`` unless told otherwise,
        and as in Ollama that only stops the clock.
        """
        return self._set == self.expires == math.inf

    @property
    def left(self) -> float:
        """Seconds until the model leaves."""
        return self.expires - asyncio.get_running_loop().time()

    def begin(self) -> None:
        """The model was loaded; a stay that its runtime's death has only broken goes on as it was."""
        if self.left <= 0:
            self._wish = None  # what requests asked for before is forgotten
            self.renew(None)

    def end(self) -> None:
        """The model is to leave, or will not come back."""
        self.expires = -math.inf

    def renew(self, seconds: float | None) -> None:
        """The model was used; it stays for `seconds` from now, None: for as long as it is set.

        What a request says holds for those after it that say nothing, until the model is loaded anew.
        """
        if seconds is not None:
            self._wish = seconds
        self.used = asyncio.get_running_loop().time()
        self.expires = self.used + (self._set if self._wish is None else self._wish)
