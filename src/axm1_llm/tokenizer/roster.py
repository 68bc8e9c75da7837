"""The tokenizers of all models; one of an older descriptor stays for as long as a runtime asks it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from axm1_llm.descriptors.changes import TOKENIZER_KEYS, changes, same_in, told
from axm1_llm.errors import ModelNotFoundError
from axm1_llm.tokenizer.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from axm1_llm.descriptors import ModelDescriptor
    from axm1_llm.tokenizer.tickets import TicketBook
    from axm1_llm.tokenizer.tokenizer import ModelTokenizer


class Roster:
    """Finds tokenizers by the names of their models, and exchanges them when the descriptor file changes.

    A tokenizer whose descriptor was changed goes on until the llm-service is about to start a runtime that
    asks the new one: the old runtime is gone by then, and until then it needs the old port. One of a model
    that has none any more, or that was taken out, goes on until its tickets are closed.

    Args:
        models: their descriptors.
        tickets: the open tickets.
        tokenizer_of: makes a tokenizer, which is not started yet.
    """

    def __init__(
        self,
        models: Iterable[ModelDescriptor],
        tickets: TicketBook,
        tokenizer_of: Callable[[ModelDescriptor], ModelTokenizer],
    ) -> None:
        self._tickets = tickets
        self._make = tokenizer_of
        self._described = {model.model_name: tokenizer_of(model) for model in models}
        self._outdated: dict[str, ModelTokenizer] = {}  # they run; what is described of the name does not
        self._farewells: set[asyncio.Task[None]] = set()

    def __iter__(self) -> Iterator[ModelTokenizer]:
        """What answers for each model, in the descriptor's order."""
        return (self._outdated.get(name, tokenizer) for name, tokenizer in self._described.items())

    def find(self, name: str) -> ModelTokenizer:
        """What answers for the model of that name or alias now.

        Raises:
            ModelNotFoundError: there is none.
        """
        model = self.describe(name).model_name
        return self._outdated.get(model) or self._described[model]

    def describe(self, name: str) -> ModelDescriptor:
        """What the descriptor file says of it; errors as `find`."""
        if tokenizer := self._described.get(name):  # the llm-service asks by the model's own name
            return tokenizer.descriptor
        for tokenizer in self._described.values():
            if tokenizer.descriptor.answers_to(name):
                return tokenizer.descriptor
        raise ModelNotFoundError(name)

    def holding(self, model: str) -> ModelTokenizer:
        """What has the tickets of a model, which may have been taken out meanwhile; errors as `find`."""
        return self._outdated.get(model) or self.find(model)

    async def start(self, name: str, patience: float, *, anew: bool = False) -> bool:
        """Return when a model's tokenizer truly answers; see `ModelTokenizer.start`.

        Args:
            name: of the model.
            patience: seconds to wait; false when it still starts after that time.
            anew: no runtime asks the one of an older descriptor any more: what is described now takes over.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        if anew:
            # Those of a runtime that failed are never closed, and keep their prompts.
            self._tickets.forget(name)
        outdated = self._outdated.get(name)
        if outdated is not None and (anew or outdated.machine.state is not State.READY):
            await self._end(outdated)
        tokenizer = self.find(name)
        try:
            async with asyncio.timeout_at(deadline):
                await self._free_port_of(tokenizer)
        except TimeoutError:
            return False
        return await tokenizer.start(max(0.0, deadline - loop.time()))

    def apply(self, models: Iterable[ModelDescriptor]) -> None:
        """Follow the descriptor file."""
        found = changes(
            (tokenizer.descriptor for tokenizer in self._described.values()), models, TOKENIZER_KEYS
        )
        before, self._described = self._described, {}
        for model in found.models:
            name = model.model_name
            if name in found.added | found.changed:
                self._described[name] = self._revived(model) or self._make(model)
            else:
                before[name].descriptor = model
                self._described[name] = before[name]
        for name in found.changed | found.removed:
            if before[name].machine.state is not State.IDLE:
                self._outdated[name] = before[name]
        for outdated in self._outdated.values():
            if not self._has_successor(outdated):
                farewell = asyncio.get_running_loop().create_task(self._see_off(outdated))
                self._farewells.add(farewell)
                farewell.add_done_callback(self._farewells.discard)
        if names := told(found):
            structlog.get_logger().info("tokenizers_exchanged", **names)

    async def aclose(self) -> None:
        """Stop every tokenizer."""
        for farewell in self._farewells:
            farewell.cancel()
        everybody = (*self._described.values(), *self._outdated.values())
        await asyncio.gather(*(tokenizer.stop() for tokenizer in everybody))

    def _revived(self, model: ModelDescriptor) -> ModelTokenizer | None:
        """The one that runs still, where the file says again what it said before."""
        outdated = self._outdated.get(model.model_name)
        if outdated is None or not same_in(TOKENIZER_KEYS, outdated.descriptor, model):
            return None
        del self._outdated[model.model_name]
        outdated.descriptor = model
        return outdated

    async def _see_off(self, tokenizer: ModelTokenizer) -> None:
        await self._tickets.all_closed(tokenizer.model)
        if self._outdated.get(tokenizer.model) is tokenizer and not self._has_successor(tokenizer):
            await self._end(tokenizer)

    def _has_successor(self, outdated: ModelTokenizer) -> bool:
        """Whether a runtime will ask for one in its place: it goes when that one is started."""
        described = self._described.get(outdated.model)
        return described is not None and described.descriptor.tokenizer != "none"

    async def _free_port_of(self, tokenizer: ModelTokenizer) -> None:
        """Have those leave that still hold its port; the llm-service may be about to close their tickets."""
        port = tokenizer.descriptor.tokenizer_port
        for other in tuple(self._outdated.values()):
            if other is not tokenizer and other.descriptor.tokenizer_port == port:
                await self._tickets.all_closed(other.model)
                await self._end(other)

    async def _end(self, outdated: ModelTokenizer) -> None:
        await outdated.stop()
        if self._outdated.get(outdated.model) is outdated:
            del self._outdated[outdated.model]
