"""The HTTP server that a model's runtime asks: one connection a call, answered and closed.

The runtime opens a new connection for each three tokens, so what a connection costs is what a token
costs: one small protocol on httptools instead of an ASGI stack, and no task for an answer that is known
at once. Anything else on the wire is refused in bounded memory and time.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

import httptools
import orjson
import structlog

from axm1_llm.tokenizer.vendor import Call, Reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

_MOST_HEAD = 16 * 1024
_MOST_BODY = 16 * 1024 * 1024
_MOST_CONNECTIONS = 256
_PATIENCE = 10.0

_REASONS = {int(status): status.phrase for status in HTTPStatus}


class _Connection(asyncio.Protocol):
    """One connection, which is one call."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._body: list[bytes] = []
        self._size = 0
        self._complete = False
        self._method = ""
        self._upgrades = False
        self._patience: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls.
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        if not self._gateway.admit(self):
            self.abort()
            return
        self._patience = asyncio.get_running_loop().call_later(_PATIENCE, self.abort)

    def data_received(self, data: bytes) -> None:
        if self._complete:
            return
        self._size += len(data)
        if self._size > _MOST_HEAD + _MOST_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self._complete:  # what comes behind the call does not matter
                self._refuse(HTTPStatus.BAD_REQUEST)
                return
        if self._complete:
            self._answer()
        elif not self._body and self._size > _MOST_HEAD:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the interface
        self._gateway.leave(self)
        if self._patience is not None:
            self._patience.cancel()
        if self._task is not None:
            self._task.cancel()

    # What httptools calls; for a second request in the same packet too, which is not answered.
    def on_url(self, url: bytes) -> None:
        if not self._complete:
            self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        # Newer HTTP libraries wait for leave to send a body over 1 KB; without it the runtime's one
        # second is gone before its text arrives.
        asks = name == b"expect" and value.lower() == b"100-continue"
        if asks and not self._complete and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        elif name == b"origin" and not self._complete:
            # Any web page can make a browser on this machine send a POST here, and calls from one address
            # are one runtime's: it could break off an answer. httptools makes a parser's error of this one.
            raise PermissionError

    def on_body(self, body: bytes) -> None:
        if not self._complete:
            self._body.append(body)

    def on_message_complete(self) -> None:
        if not self._complete:
            self._complete = True
            self._method = self._parser.get_method().decode("latin-1")
            self._upgrades = self._parser.should_upgrade()

    def _answer(self) -> None:
        if self._upgrades:
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        reply = self._gateway.answer(self._call())
        if isinstance(reply, Reply):
            self._send(reply)
        else:
            self._task = asyncio.ensure_future(self._answer_later(reply))

    async def _answer_later(self, reply: Awaitable[Reply]) -> None:
        try:
            self._send(await reply)
        except Exception as error:  # noqa: BLE001 - a runtime without a reply segfaults
            self._send(self._gateway.failed(error))

    def _call(self) -> Call:
        path, _, query = self._url.decode("latin-1").partition("?")
        peer = self._transport.get_extra_info("peername") if self._transport is not None else None
        return Call(self._method, unquote(path), query, b"".join(self._body), peer[0] if peer else "")

    def _refuse(self, status: HTTPStatus) -> None:
        self._complete = True
        self._send(Reply(status, orjson.dumps({"error": status.phrase})))

    def _send(self, reply: Reply) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        head = (
            f"HTTP/1.1 {reply.status} {_REASONS[reply.status]}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(reply.body)}\r\nConnection: close\r\n\r\n"
        )
        self._transport.write(head.encode("latin-1") + reply.body)
        self._transport.close()


class Gateway:
    """The connections of one model's gateway; made by `open_gateway`."""

    def __init__(self, model: str, answer: Callable[[Call], Reply | Awaitable[Reply]]) -> None:
        self._answer = answer
        self._connections: set[_Connection] = set()
        self._log = structlog.get_logger().bind(model=model)

    def answer(self, call: Call) -> Reply | Awaitable[Reply]:
        """The reply to a call; a reply whatever happens."""
        try:
            return self._answer(call)
        except Exception as error:  # noqa: BLE001 - a runtime without a reply segfaults
            return self.failed(error)

    def failed(self, error: Exception) -> Reply:
        """The reply when something that should not fail did; the log gets no text of prompt or answer."""
        self._log.error("gateway_call_failed", error=type(error).__name__)
        return Reply(HTTPStatus.INTERNAL_SERVER_ERROR, b'{"error":"internal error"}')

    def admit(self, connection: _Connection) -> bool:
        """Count a new connection; false when there are too many."""
        if len(self._connections) >= _MOST_CONNECTIONS:
            return False
        self._connections.add(connection)
        return True

    def leave(self, connection: _Connection) -> None:
        """Forget a connection that is gone."""
        self._connections.discard(connection)

    def close(self) -> None:
        """Break off every connection."""
        for connection in tuple(self._connections):
            connection.abort()


@asynccontextmanager
async def open_gateway(
    model: str, host: str, port: int, answer: Callable[[Call], Reply | Awaitable[Reply]]
) -> AsyncIterator[int]:
    """Listen for a model's runtime for as long as the context is open; gives the port.

    Args:
        model: for the log.
        host: the address to listen on.
        port: ``tokenizer_port``; 0 takes a free one.
        answer: the reply to a call.

    Raises:
        OSError: the port is taken, or the address is not this machine's.
    """
    gateway = Gateway(model, answer)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(gateway), host, port, backlog=512)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        gateway.close()
