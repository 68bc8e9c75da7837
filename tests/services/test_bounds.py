"""Connections that send slowly, or read slowly, or are too many: bounded, while others are answered."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from structlog.testing import capture_logs

from axm1_llm.services.connection import LARGEST_HEAD, LEAST_RATE, Traffic
from axm1_llm.services.listening import listen
from axm1_llm.services.server import Server

_WAIT = 10.0  # seconds; only a failing test waits that long
_PATIENCE = 0.3
_GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@dataclass
class _Application:
    """Answers with the length of what it was sent; `/endless` never ends, `/refused` reads nothing."""

    lost: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for kind in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{kind}.complete"})
            return
        if scope["path"] == "/endless":
            await self._talk(receive, send)
            return
        try:
            refused = scope["path"] == "/refused"
            text = "refused" if refused else str(len(await Request(scope, receive).body()))
        except ClientDisconnect:
            self.lost.set()
            return
        await PlainTextResponse(text)(scope, receive, send)

    async def _talk(self, receive: Any, send: Any) -> None:
        await receive()
        gone = asyncio.create_task(receive())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not gone.done():
            await send({"type": "http.response.body", "body": b"x" * 10_000, "more_body": True})
            await asyncio.sleep(0)
        self.lost.set()


@dataclass
class _Client:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def rest(self) -> bytes:
        """What comes until the service closes; nothing more when it breaks off."""
        try:
            async with asyncio.timeout(_WAIT):
                return await self.reader.read()
        except ConnectionError:
            return b""

    async def answer(self) -> bytes:
        async with asyncio.timeout(_WAIT):
            head = await self.reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            return await self.reader.readexactly(length)

    def send(self, data: bytes) -> None:
        self.writer.write(data)


@dataclass
class _Service:
    app: _Application
    port: int
    clients: ExitStack

    async def client(self, first: bytes = b"") -> _Client:
        """A connection on which that was sent."""
        client = _Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.enter_context(closing(client.writer))
        client.send(first)
        return client

    async def lost(self) -> None:
        """Return when the application was told that its client is gone."""
        async with asyncio.timeout(_WAIT):
            await self.app.lost.wait()


@asynccontextmanager
async def _serving(most: int = 100) -> AsyncIterator[_Service]:
    async def leave() -> None:
        pass

    app, sock = _Application(), listen("127.0.0.1", 0, "--port")
    server = Server(app, Traffic(most, _PATIENCE), drain=0, leave=leave)
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        with ExitStack() as clients:
            yield _Service(app, sock.getsockname()[1], clients)
    finally:
        server.handle_exit(15, None)
        async with asyncio.timeout(_WAIT):
            await serving


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", b""),
        (b"\r\n", b"HTTP/1.1 408"),
        (b"GET / HTTP/1.1\r\nHost", b"HTTP/1.1 408"),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab", b""),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", b""),
    ],
    ids=["no head", "no word of it", "half a head", "half a body", "chunks without an end"],
)
async def test_a_request_without_an_end_is_not_waited_for(sent: bytes, answer: bytes) -> None:
    async with _serving() as s:
        client = await s.client(sent)
        other = await s.client(_GET)
        assert await other.answer() == b"0"
        assert (await client.rest())[:12] == answer
        if b"POST" in sent:
            await s.lost()


async def test_the_next_request_of_a_kept_connection_is_not_waited_for_either() -> None:
    async with _serving() as s:
        client = await s.client(_GET)
        assert await client.answer() == b"0"
        client.send(b"GET / HTTP")
        assert (await client.rest()).startswith(b"HTTP/1.1 408")


async def test_a_body_that_makes_progress_may_take_longer() -> None:
    async with _serving() as s:
        loop = asyncio.get_running_loop()
        size = LEAST_RATE * 2  # two seconds more
        head = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (size + 1)
        client = await s.client(head + b"x" * size)
        over = loop.create_future()
        loop.call_later(_PATIENCE * 2, over.set_result, None)
        await over
        client.send(b"x")
        assert await client.answer() == b"%d" % (size + 1)


async def test_requests_may_follow_each_other_without_waiting_for_answers() -> None:
    async with _serving() as s:
        client = await s.client(_GET + b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc" + _GET)
        assert [await client.answer() for _ in range(3)] == [b"0", b"3", b"0"]


async def test_a_head_that_is_too_large_is_refused() -> None:
    async with _serving() as s:
        client = await s.client(b"GET / HTTP/1.1\r\n")
        line = b"X-Filler: " + b"x" * 1000 + b"\r\n"
        client.send(line * (LARGEST_HEAD // len(line) + 1))
        status = (await client.rest()).split(b"\r\n")[0]
        assert status.startswith(b"HTTP/1.1 %d" % HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)


async def test_what_comes_after_a_refusal_is_thrown_away_for_a_while_only() -> None:
    async with _serving() as s:
        client = await s.client(b"POST /refused HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n")
        assert await client.answer() == b"refused"
        client.send(b"x" * 500_000)
        assert await client.rest() == b""


async def test_a_client_that_reads_nothing_loses_its_connection_and_the_log_says_why() -> None:
    with capture_logs() as logs:
        async with _serving() as s:
            loop = asyncio.get_running_loop()
            with socket.socket() as deaf:
                deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                deaf.settimeout(0)
                await loop.sock_connect(deaf, ("127.0.0.1", s.port))
                await loop.sock_sendall(deaf, b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
                other = await s.client(_GET)
                assert await other.answer() == b"0"
                await s.lost()
    (said,) = [line for line in logs if line["event"] == "connection_closed"]
    assert said["reason"] == "the client read nothing for 0.3 s"
    assert said["path"] == "/endless"
    assert said["unread"] < 600_000


async def test_a_client_that_reads_slowly_keeps_its_connection() -> None:
    async with _serving() as s:
        loop = asyncio.get_running_loop()
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            slow.settimeout(0)
            await loop.sock_connect(slow, ("127.0.0.1", s.port))
            await loop.sock_sendall(slow, b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
            until = loop.time() + 6 * _PATIENCE
            while loop.time() < until:  # so slowly that its buffer here is never empty
                async with asyncio.timeout(_WAIT):
                    assert await loop.sock_recv(slow, 1000)
                await asyncio.sleep(0.01)
            assert not s.app.lost.is_set()
        await s.lost()


async def test_of_too_many_connections_the_one_that_was_idle_for_longest_makes_room() -> None:
    async with _serving(most=3) as s:
        first, second = await s.client(_GET), await s.client(_GET)
        assert (await first.answer(), await second.answer()) == (b"0", b"0")
        first.send(_GET)  # now the second one has been idle for longer
        assert await first.answer() == b"0"
        others = [await s.client(_GET) for _ in range(2)]
        assert [await other.answer() for other in others] == [b"0", b"0"]
        assert await second.rest() == b""
        first.send(_GET)
        assert await first.answer() == b"0"


async def test_a_listening_socket_passes_its_limits_on_to_its_connections() -> None:
    with listen("127.0.0.1", 0, "--port") as sock:
        with socket.create_connection(sock.getsockname()):
            taken, _ = sock.accept()
        with taken:
            assert taken.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * 128 * 1024
            assert taken.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000
