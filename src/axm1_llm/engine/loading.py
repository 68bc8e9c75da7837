"""From a model that is wanted to a runtime at its prompt mark."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from axm1_llm.engine.states import ModelStates, State, Trigger
from axm1_llm.errors import LoadError, ModelNotFoundError, RuntimeStalledError
from axm1_llm.runtime.events import CardMemory, Event, InitDone, Mark, PromptMark
from axm1_llm.tokenizer.reaching import reached

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from axm1_llm.descriptors import ModelDescriptor
    from axm1_llm.engine.deadlines import Deadlines
    from axm1_llm.engine.session import RuntimeSession
    from axm1_llm.metrics import Metrics
    from axm1_llm.tokenizer.client import TokenizerClient

_MIB = 1024 * 1024
_READING = 2.0  # seconds in which the tokenizer-service has read a changed descriptor file too


class Loader:
    """Brings one model's runtime up.

    Args:
        descriptor: the model.
        machine: its states; this class fires those of loading, but the first.
        tokenizer: None when the runtime has a tokenizer of its own.
        metrics: told what is left on the cards.
        deadlines: see there.
    """

    def __init__(
        self,
        descriptor: ModelDescriptor,
        machine: ModelStates,
        tokenizer: TokenizerClient | None,
        metrics: Metrics,
        deadlines: Deadlines,
    ) -> None:
        self._descriptor = descriptor
        self._machine = machine
        self._tokenizer = tokenizer
        self._metrics = metrics
        self._deadlines = deadlines

    async def start_tokenizer(self) -> None:
        """Return when the run script may be started.

        Raises:
            LoadError: the model's folder or script is missing.
            TokenizerError: the tokenizer does not come up.
        """
        model = self._descriptor.model_name
        if problem := self._descriptor.problem():
            raise LoadError(model, problem)
        if (tokenizer := self._tokenizer) is not None:
            try:
                await reached(
                    lambda: tokenizer.start(model, anew=True), self._deadlines.tokenizer, unknown=_READING
                )
            except ModelNotFoundError:
                reason = "the tokenizer-service does not know it; give both services the same descriptor file"
                raise LoadError(model, reason) from None
        self._machine.fire(Trigger.TOKENIZER_READY)

    async def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """The run script's environment."""
        environment = {**base, **self._descriptor.env}
        if self._tokenizer is not None:
            address = await _resolve(self._descriptor.tokenizer_ip)
            environment["AXM1_TOKENIZER_URL"] = f"http://{address}:{self._descriptor.tokenizer_port}"
        return environment

    async def initialize(self, session: RuntimeSession, unwanted: Callable[[], bool]) -> bool:
        """Wait for the prompt mark; False when `unwanted` says that nobody wants the model any more.

        Raises:
            RuntimeDiedError: the runtime gave up.
            RuntimeStalledError: it showed no progress for too long.
        """
        async with self._tokenizer_kept():
            return await self._until_mark(session, unwanted)

    @asynccontextmanager
    async def _tokenizer_kept(self) -> AsyncIterator[None]:
        """A tokenizer-service that is killed meanwhile comes back without the tokenizer.

        The runtime tries for ten seconds then, silently, since its log is buffered, and gives up.
        """
        if self._tokenizer is None:
            yield
            return
        keeping = self._tokenizer.keep(self._descriptor.model_name, self._deadlines.tokenizer)
        task = asyncio.create_task(keeping)
        try:
            yield
        finally:
            # Not awaited: the model is at its mark here, and its stay begins only when this returns. Who
            # asked for its status in between got a 500 (seen in a soak).
            task.cancel()

    async def _until_mark(self, session: RuntimeSession, unwanted: Callable[[], bool]) -> bool:
        # A runtime with a tokenizer of its own may be a simple script that prints no prompt mark.
        bare = self._tokenizer is None
        settled = bare and self._descriptor.dialect == "markless"
        while not unwanted():
            event = await self._next(session, settled=settled)
            if event is not None and self._machine.state is State.STARTING:
                self._machine.fire(Trigger.OUTPUT_SEEN)
            match event:
                case PromptMark(Mark.PROMPT):
                    session.facts.shows_marks = True
                    self._machine.fire(Trigger.PROMPT_MARK)
                    return True
                case InitDone() if settled:
                    self._machine.fire(Trigger.PROMPT_MARK)
                    return True
                case InitDone():
                    settled = bare
                case CardMemory(device, remaining):
                    self._metrics.cmm_remaining(self._descriptor.model_name, device, remaining * _MIB)
                case _:
                    pass
        return False

    async def _next(self, session: RuntimeSession, *, settled: bool) -> Event | None:
        """The next event; from a runtime that may show no mark, silence means that it is ready."""
        try:
            return await session.next_event(self._deadlines.settle if settled else self._deadlines.load)
        except RuntimeStalledError:
            if not settled:
                raise
            return InitDone()


async def _resolve(host: str) -> str:
    """`host` as an IP address: newer runtimes do not resolve names (seen in their source)."""
    with suppress(OSError):
        found = await asyncio.get_running_loop().getaddrinfo(host, None, family=socket.AF_INET)
        return str(found[0][4][0])
    return host
