"""Serves an application on one port until a signal comes."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import socket
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import uvicorn
import uvloop

from axm1_llm.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator
    from types import FrameType

    from starlette.types import ASGIApp

    from axm1_llm.settings import Settings

_BACKLOG = 2048
_DATE = 1.0  # seconds between two looks at the clock; the header counts seconds
_KEEP_ALIVE = 75  # seconds; the same as nginx's default


def listen(host: str, port: int, option: str) -> socket.socket:
    """A listening socket.

    Raises:
        SettingsError: the port is taken or the address is not one of this machine; names `option`.
    """
    try:
        family, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        # asyncio and socket put the address into `strerror` too, which the text already has.
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise SettingsError(
            f"cannot listen on {host}:{port} ({reason}); is another one running? Set another {option}"
        ) from error


def run_loop(main: Callable[[], Awaitable[None]]) -> None:
    """Run `main` on a new event loop to its end."""

    async def whole() -> None:
        await main()

    uvloop.run(whole())


async def serve_app(app: ASGIApp, sock: socket.socket, settings: Settings) -> None:
    """Serve `app` until SIGTERM or SIGINT; answers in hand may go on for the drain time."""
    drain = settings.drain_timeout
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="none",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # nobody asks where a request came from
        # The llm-service keeps its connection to the tokenizer-service between prompts: a new one would
        # cost a connect on the next time to first token.
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=math.ceil(drain),
    )
    await _Server(config).serve(sockets=[sock])


class _Server(uvicorn.Server):
    """Takes SIGTERM and SIGINT as a wish to leave, and nothing more, and sleeps when there is nothing to do.

    uvicorn's own way is to raise the signal once more when the server has ended: the process would die of it
    before what stands around the server (the tokenizer-service, the clients) has ended in its turn. And it
    looks ten times a second whether it shall leave: at 20 tokens a second that is most of the work that both
    services have.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._leaving = asyncio.Event()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to leave."""
        super().handle_exit(sig, frame)
        self._leaving.set()

    async def main_loop(self) -> None:
        """Keep the time in the Date header until it is time to leave."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(_DATE):
                    await self._leaving.wait()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Handle the signals until the loop is closed: a second one must not cut the ending short."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield
