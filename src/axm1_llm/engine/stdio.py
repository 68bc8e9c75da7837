"""The runtimes that talk on pipes: the vendor's first and second generation."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from axm1_llm.engine.exchange import Exchange
from axm1_llm.engine.loading import Loader
from axm1_llm.engine.session import RuntimeSession, start_session
from axm1_llm.errors import UnsupportedError
from axm1_llm.runtime.prompts import QUIT

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Callable

    from axm1_llm.descriptors import ModelDescriptor
    from axm1_llm.engine.answering import Answer
    from axm1_llm.engine.embedding import EmbeddingJob
    from axm1_llm.engine.facts import RuntimeFacts
    from axm1_llm.engine.generation import Generation
    from axm1_llm.engine.host import Host
    from axm1_llm.engine.states import ModelStates
    from axm1_llm.metrics import Metrics
    from axm1_llm.tokenizer.client import TokenizerClient


class StdioDriver:
    """Starts a model's run script; see `Driver`.

    Args:
        descriptor: the model.
        machine: its states.
        tokenizer: None when the runtime has a tokenizer of its own.
        metrics: told what is left on the cards.
        host: what the machine gives.
        news: set whenever there is something to look at.
    """

    def __init__(
        self,
        descriptor: ModelDescriptor,
        machine: ModelStates,
        tokenizer: TokenizerClient | None,
        metrics: Metrics,
        host: Host,
        news: asyncio.Event,
    ) -> None:
        self._descriptor = descriptor
        self._machine = machine
        self._tokenizer = tokenizer
        self._host = host
        self._news = news
        self._loader = Loader(descriptor, machine, tokenizer, metrics, host.deadlines)

    async def prepare(self) -> None:
        """See `Driver`."""
        await self._loader.start_tokenizer()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[StdioRuntime]:
        """See `Driver`."""
        environment = await self._loader.environment(self._host.environment)
        session = RuntimeSession(self._descriptor.model_name, self._news)
        command, folder = self._descriptor.command(), self._descriptor.model_path
        async with start_session(self._host.spawn, session, command, folder, environment):
            exchange = Exchange(
                self._descriptor,
                self._machine,
                session,
                self._tokenizer,
                self._host.deadlines,
                self._host.clock,
            )
            yield StdioRuntime(self._descriptor.model_name, session, self._loader, exchange)


class StdioRuntime:
    """A run script and its executable; see `Runtime`. Made by `StdioDriver`."""

    def __init__(self, model: str, session: RuntimeSession, loader: Loader, exchange: Exchange) -> None:
        self._model = model
        self._session = session
        self._loader = loader
        self._exchange = exchange

    @property
    def facts(self) -> RuntimeFacts:
        """See `Runtime`."""
        return self._session.facts

    @property
    def latest(self) -> Answer | None:
        """See `Runtime`."""
        return self._exchange.answer

    async def initialize(self, unwanted: Callable[[], bool]) -> bool:
        """See `Runtime`."""
        return await self._loader.initialize(self._session, unwanted)

    async def answer(self, generation: Generation, load: int) -> None:
        """See `Runtime`."""
        await self._exchange.run(generation, load)

    async def embed(self, job: EmbeddingJob) -> None:  # noqa: ARG002 - see Runtime
        """None of these runtimes gives vectors."""
        raise UnsupportedError(f'"{self._model}" does not support embeddings')

    async def news_before(self, deadline: float) -> None:
        """See `Runtime`."""
        await self._session.event_before(deadline)

    async def stop(self) -> None:
        """See `Runtime`."""
        await self._session.stop(QUIT)
