"""One life of `axllm serve`: loaded, asked, ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from axm1_llm.engine.axllm.embedding import Embedder
from axm1_llm.engine.axllm.exchange import Server, ServerExchange
from axm1_llm.engine.axllm.listening import Listener
from axm1_llm.engine.states import ModelStates, State, Trigger
from axm1_llm.runtime.events import CardMemory

if TYPE_CHECKING:
    from collections.abc import Callable

    from axm1_llm.engine.answering import Answer
    from axm1_llm.engine.axllm.client import Served, ServerClient
    from axm1_llm.engine.axllm.session import ServerSession
    from axm1_llm.engine.embedding import EmbeddingJob
    from axm1_llm.engine.facts import RuntimeFacts
    from axm1_llm.engine.generation import Generation
    from axm1_llm.engine.host import Host
    from axm1_llm.metrics import Metrics

_MIB = 1024 * 1024
_FAREWELL = 3.0  # seconds to leave after SIGINT


class AxllmRuntime:
    """A server process; see `Runtime`. Made by `AxllmDriver`.

    Args:
        machine: the model's states.
        session: the process.
        client: speaks to it.
        metrics: told what is left on the cards.
        host: what the machine gives.
    """

    def __init__(
        self,
        machine: ModelStates,
        session: ServerSession,
        client: ServerClient,
        metrics: Metrics,
        host: Host,
    ) -> None:
        self._machine = machine
        self._session = session
        self._client = client
        self._metrics = metrics
        self._host = host
        self._exchange: ServerExchange | None = None
        self._embedder: Embedder | None = None

    @property
    def facts(self) -> RuntimeFacts:
        """See `Runtime`."""
        return self._session.facts

    @property
    def latest(self) -> Answer | None:
        """See `Runtime`."""
        return self._exchange.answer if self._exchange else None

    async def initialize(self, unwanted: Callable[[], bool]) -> bool:
        """See `Runtime`; the server takes prompts when its health route says so."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        probe = asyncio.create_task(self._client.until_healthy())
        probe.add_done_callback(lambda _: self._session.news.set())
        try:
            while not unwanted():
                if probe.done():
                    self._serves(probe.result(), loop.time() - begun, unwanted)
                    return True
                await self._progress()
        finally:
            probe.cancel()
            await asyncio.wait((probe,))
        return False

    async def _progress(self) -> None:
        event = await self._session.next_event(self._host.deadlines.load)
        if event is not None and self._machine.state is State.STARTING:
            self._machine.fire(Trigger.OUTPUT_SEEN)
        if isinstance(event, CardMemory):
            self._metrics.cmm_remaining(self._session.model, event.device, event.remaining_mb * _MIB)

    def _serves(self, served: Served, took: float, leaving: Callable[[], bool]) -> None:
        session, deadlines = self._session, self._host.deadlines
        session.serves()
        if served.context_length is not None:
            session.facts.context_length = served.context_length
        listener = Listener(session)
        patience = max(deadlines.cancel, took)
        server = Server(served.name, session, self._client, listener, patience, leaving)
        self._exchange = ServerExchange(self._machine, server, deadlines, self._host.clock)
        self._embedder = Embedder(server, deadlines.prefill)
        if self._machine.state is State.STARTING:
            self._machine.fire(Trigger.OUTPUT_SEEN)
        self._machine.fire(Trigger.PROMPT_MARK)

    async def answer(self, generation: Generation, load: int) -> None:
        """See `Runtime`."""
        assert self._exchange is not None  # noqa: S101 - there is one once it takes prompts
        await self._exchange.run(generation, load)

    async def embed(self, job: EmbeddingJob) -> None:
        """See `Runtime`."""
        assert self._embedder is not None  # noqa: S101 - there is one once it takes prompts
        self._machine.fire(Trigger.PROMPT_WRITTEN)
        await self._embedder.run(job)
        self._machine.fire(Trigger.PROMPT_MARK)

    async def news_before(self, deadline: float) -> None:
        """See `Runtime`."""
        await self._session.event_before(deadline)

    async def stop(self) -> None:
        """See `Runtime`.

        SIGINT lets a server that listens free the card and leave; on SIGTERM it does not clean up (seen
        in its source), and some firmware then keeps the card's memory.
        """
        if self._exchange is not None:
            self._session.interrupt()
            await self._session.gone_within(_FAREWELL)
        await self._session.stop(b"")
