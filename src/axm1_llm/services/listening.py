"""Serves an application on one port until a signal comes."""

from __future__ import annotations

import gc
import os
import resource
import socket
import sys
from typing import TYPE_CHECKING

import uvloop

from axm1_llm.c_memory import keep_little
from axm1_llm.errors import SettingsError
from axm1_llm.services.connection import Traffic
from axm1_llm.services.server import Server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import ASGIApp

    from axm1_llm.services.systemd import Systemd

_BACKLOG = 2048
_MOST_CONNECTIONS = 4096
_SWITCH = 0.001  # seconds
_OTHER_FILES = 512  # pipes of runtimes, files, connections between the services

# A connection gets them from the socket that listens.
_OPTIONS = (
    # Linux would keep up to 4 MB of an answer for a client that reads nothing.
    (socket.SOL_SOCKET, socket.SO_SNDBUF, 128 * 1024),
    # A machine that lost its power says nothing: without these its prompts would wait, and be answered.
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),  # seconds
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),  # seconds
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 60_000),  # milliseconds
)


def listen(host: str, port: int, option: str) -> socket.socket:
    """A listening socket.

    Raises:
        SettingsError: the port is taken or the address is not one of this machine; names `option`.
    """
    try:
        family, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        sock = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        # asyncio and socket put the address into `strerror` too, which the text already has.
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise SettingsError(
            f"cannot listen on {host}:{port} ({reason}); is another one running? Set another {option}"
        ) from error
    for level, name, value in _OPTIONS:
        sock.setsockopt(level, name, value)
    return sock


def run_loop(main: Callable[[], Awaitable[None]]) -> None:
    """Run `main` on a new event loop to its end."""

    async def whole() -> None:
        await main()

    uvloop.run(whole())


async def serve_app(
    app: ASGIApp,
    sock: socket.socket,
    drain: float,
    leave: Callable[[], Awaitable[None]],
    systemd: Systemd,
) -> None:
    """Serve `app` until SIGTERM or SIGINT; what is in hand may go on for `drain` seconds after it.

    Args:
        app: what is served.
        sock: listens already.
        drain: see above.
        leave: see `Server`.
        systemd: is told how the service is.
    """
    _settle()
    try:
        await Server(app, Traffic(_most_connections()), drain, leave, systemd).serve(sockets=[sock])
    finally:
        systemd.close()


def _settle() -> None:
    """Make the interpreter ready for many requests at a time."""
    # What the start has made stays: the collector would look at it again and again, while nobody is answered.
    gc.collect()
    gc.freeze()
    keep_little()
    # Figures are written in a thread of their own. With Python's 5 ms it and the loop wait for each other
    # that long at every file that the thread opens.
    sys.setswitchinterval(_SWITCH)


def _most_connections() -> int:
    """As many as are to be had; raises the limit of open files, which is often 1,024 (a soft one)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_CONNECTIONS + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    return max(1, min(_MOST_CONNECTIONS, soft - _OTHER_FILES))
