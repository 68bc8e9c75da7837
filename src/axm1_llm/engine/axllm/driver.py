"""Starts `axllm serve` for one model, each time on a port of its own."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from axm1_llm.engine.axllm.client import ServerClient
from axm1_llm.engine.axllm.runtime import AxllmRuntime
from axm1_llm.engine.axllm.session import ServerSession
from axm1_llm.engine.session import start_session
from axm1_llm.engine.states import ModelStates, Trigger
from axm1_llm.errors import LoadError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from axm1_llm.descriptors import ModelDescriptor
    from axm1_llm.engine.host import Host
    from axm1_llm.metrics import Metrics


class AxllmDriver:
    """See `Driver`.

    Args:
        descriptor: the model.
        machine: its states.
        metrics: told what is left on the cards.
        host: what the machine gives.
        news: set whenever there is something to look at.
    """

    def __init__(
        self,
        descriptor: ModelDescriptor,
        machine: ModelStates,
        metrics: Metrics,
        host: Host,
        news: asyncio.Event,
    ) -> None:
        self._descriptor = descriptor
        self._machine = machine
        self._metrics = metrics
        self._host = host
        self._news = news

    async def prepare(self) -> None:
        """See `Driver`; the tokenizer is inside the server."""
        if problem := self._descriptor.problem():
            raise LoadError(self._descriptor.model_name, problem)
        self._machine.fire(Trigger.TOKENIZER_READY)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AxllmRuntime]:
        """See `Driver`."""
        port = _free_port()
        session = ServerSession(self._descriptor.model_name, self._news)
        command, folder = self._descriptor.server_command(port), self._descriptor.model_path
        client = ServerClient(port)
        try:
            async with start_session(self._host.spawn, session, command, folder, self._environment(port)):
                yield AxllmRuntime(self._machine, session, client, self._metrics, self._host)
        finally:
            await client.aclose()

    def _environment(self, port: int) -> dict[str, str]:
        devices = ",".join(str(device) for device in self._descriptor.devices)
        cards = {"AXLLM_DEVICES": devices} if devices else {}  # in place of those in config.json
        return {**cards, **self._host.environment, **self._descriptor.env, "AXM1_PORT": str(port)}


def _free_port() -> int:
    # The server listens at every address, and gives up when the port is taken at one of them.
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
        return port
