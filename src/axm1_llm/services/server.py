"""uvicorn, as the services need it: it drains before it closes, and sleeps when there is nothing to do."""

from __future__ import annotations

import asyncio
import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import structlog
import uvicorn

from axm1_llm.services.connection import Connection
from axm1_llm.services.systemd import Systemd

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Generator, Sequence
    from types import FrameType

    from starlette.types import ASGIApp

    from axm1_llm.services.connection import Traffic

_DATE = 1.0  # seconds between two looks at the clock; the header counts seconds
_KEEP_ALIVE = 75  # seconds; the same as nginx's default
_FAREWELL = 1.0  # seconds in which the last words of what was cancelled go out


class Server(uvicorn.Server):
    """Takes SIGTERM and SIGINT as a wish to leave, and nothing more.

    uvicorn closes its socket first, so that new clients find nobody where they could be told to come again,
    and raises the signal once more when it has ended: the process would die of it before what stands around
    the server (the tokenizer-service, the clients) has ended in its turn. It also looks ten times a second
    whether it shall leave: at 20 tokens a second that is most of the work that both services have.

    Args:
        app: what is served.
        traffic: its connections, of which there are none yet.
        drain: seconds that what is in hand may go on after the signal.
        leave: called at the signal: from then on the application takes no more work; returns when what only
            the application knows to be in hand has ended.
        systemd: is told of all that.
    """

    def __init__(
        self,
        app: ASGIApp,
        traffic: Traffic,
        drain: float,
        leave: Callable[[], Awaitable[None]],
        systemd: Systemd | None = None,
    ) -> None:
        config = uvicorn.Config(
            app,
            http=Connection,
            loop="none",
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,  # nobody asks where a request came from
            # The llm-service keeps its connection to the tokenizer-service between prompts: a new one would
            # cost a connect on the next time to first token.
            timeout_keep_alive=_KEEP_ALIVE,
        )
        super().__init__(config)
        self.server_state = self._traffic = traffic
        self._drain = drain
        self._leave = leave
        self._systemd = systemd or Systemd()
        self._leaving = asyncio.Event()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's
        """Begin to leave; a second signal changes nothing."""
        self.should_exit = True
        self._leaving.set()
        self._systemd.stopping()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, and take connections."""
        await super().startup(sockets)
        self._systemd.ready()

    async def main_loop(self) -> None:
        """Serve until it is time to close, and keep the time in the Date header."""
        drained = asyncio.create_task(self._drained())
        while not drained.done():
            await self.on_tick(0)
            self._systemd.tick()
            await asyncio.wait((drained,), timeout=self._systemd.pause(_DATE))
        await drained

    async def _drained(self) -> None:
        """Return when the service was told to leave and nothing is in hand, or the time for it is over."""
        await self._leaving.wait()
        structlog.get_logger().info("draining", seconds=self._drain)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._drain):
                await self._leave()
                await self._traffic.rest()

    async def shutdown(self, sockets: Sequence[socket.socket] | None = None) -> None:
        """Close the socket; the application ends what is left, whose clients are told so."""
        self._systemd.tick()
        for server in self.servers:
            server.close()
        for sock in sockets or ():
            sock.close()
        for connection in tuple(self._traffic.connections):
            connection.shutdown()
        await self.lifespan.shutdown()
        if self._traffic.tasks:
            await asyncio.wait(tuple(self._traffic.tasks), timeout=_FAREWELL)
        for connection in tuple(self._traffic.connections):
            connection.transport.abort()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Handle the signals until the loop is closed: a second one must not cut the ending short."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield
