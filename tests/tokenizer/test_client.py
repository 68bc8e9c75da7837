"""The client beside servers that behave badly."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from axm1_llm.errors import TokenizerError
from axm1_llm.tokenizer.client import TokenizerClient
from axm1_llm.tokenizer.keepalive import KeepAliveClient
from axm1_llm.tokenizer.prompts import PromptSpec

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def server(handle: Handler) -> AsyncIterator[str]:
    writers: list[asyncio.StreamWriter] = []

    async def handled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await handle(reader, writer)
        writer.close()

    listening = await asyncio.start_server(handled, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()
        for writer in writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def keeping(url: str) -> AsyncIterator[KeepAliveClient]:
    client = KeepAliveClient(url, {})
    try:
        yield client
    finally:
        await client.aclose()


async def test_one_connection_serves_calls_that_follow_each_other() -> None:
    connections = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(OK)

    async with server(handle) as url, keeping(url) as client, asyncio.timeout(5):
        for _ in range(10):
            assert await client.request("GET", "/", b"", 5) == (200, b"{}")
        assert connections == 1
        await asyncio.gather(*(client.request("GET", "/", b"", 5) for _ in range(4)))
        assert connections == 4


async def test_a_kept_connection_that_the_server_dropped_is_replaced() -> None:
    connections = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)  # promises to keep the connection
        if connections > 1:
            await reader.read()
        else:
            await reader.readuntil(b"\r\n\r\n")  # and drops it without an answer to the second call

    async with server(handle) as url, keeping(url) as client, asyncio.timeout(5):
        assert await client.request("GET", "/", b"", 5) == (200, b"{}")
        assert await client.request("GET", "/", b"", 5) == (200, b"{}")
        assert connections == 2


async def test_a_new_connection_that_is_dropped_is_not_tried_again() -> None:
    connections = 0

    async def handle(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")

    async with server(handle) as url, keeping(url) as client, asyncio.timeout(5):
        with pytest.raises(ConnectionError):
            await client.request("GET", "/", b"", 5)
        assert connections == 1


async def test_a_call_that_was_given_up_does_not_answer_the_next_one() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            if b"/slow" not in head:
                writer.write(OK)

    async with server(handle) as url, keeping(url) as client, asyncio.timeout(5):
        assert await client.request("GET", "/", b"", 5) == (200, b"{}")
        with pytest.raises(TimeoutError):
            await client.request("GET", "/slow", b"", 0.05)
        assert await client.request("GET", "/", b"", 5) == (200, b"{}")


async def test_an_answer_that_ends_with_the_connection_is_taken() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n{}")

    async with server(handle) as url, keeping(url) as client, asyncio.timeout(5):
        for _ in range(3):
            assert await client.request("GET", "/", b"", 5) == (200, b"{}")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (b"not HTTP at all\r\n\r\n", "cannot be reached"),
        (b"", "cannot be reached"),
        (b"HTTP/1.1 201 OK\r\nContent-Length: 2\r\n\r\n{]", "no tokenizer-service"),
        (b"HTTP/1.1 201 OK\r\nContent-Length: 2\r\n\r\n[]", "no tokenizer-service"),
        (b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}", "no reason given"),
    ],
)
async def test_a_strange_server_is_a_tokenizer_error(reply: bytes, reason: str) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)

    async with server(handle) as url, asyncio.timeout(5):
        client = TokenizerClient(url, "token")
        with pytest.raises(TokenizerError, match=reason):
            await client.open_ticket("m", PromptSpec(text="x"))
        await client.aclose()


async def test_a_service_that_is_not_there_is_named() -> None:
    async with server(lambda _reader, _writer: asyncio.sleep(0)) as url:
        pass
    client = TokenizerClient(url, "token")
    with pytest.raises(TokenizerError, match=url):
        await client.start("m")
    await client.aclose()


async def test_a_start_that_goes_on_is_asked_for_again() -> None:
    asked = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while await reader.readuntil(b"\r\n\r\n"):
            asked += 1
            writer.write(OK if asked == 3 else OK.replace(b"200 OK", b"202 Accepted"))

    async with server(handle) as url, asyncio.timeout(5):
        client = TokenizerClient(url, "token")
        await client.start("m")
        assert asked == 3
        await client.aclose()


async def test_a_start_that_never_ends_is_given_up() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(OK.replace(b"200 OK", b"202 Accepted"))

    async with server(handle) as url, asyncio.timeout(5):
        client = TokenizerClient(url, "token")
        with pytest.raises(TokenizerError, match="still starts"):
            await client.start("m")
        await client.aclose()


async def test_tickets_that_are_never_closed_are_not_remembered_for_ever() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        count = 0
        while await reader.readuntil(b"\r\n\r\n"):
            count += 1
            body = b'{"line": "axm1-ticket-%d", "prompt_tokens": 1}' % count
            writer.write(b"HTTP/1.1 201 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    async with server(handle) as url, asyncio.timeout(10):
        client = TokenizerClient(url, "token")
        for _ in range(300):
            await client.open_ticket("m", PromptSpec(text="x"))
        assert len(client._models) == 256
        await client.aclose()


async def test_a_connection_that_the_server_ended_while_it_was_idle_is_forgotten() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)  # and the connection ends, though it was to be kept

    async with server(handle) as url, keeping(url) as client, asyncio.timeout(5):
        assert await client.request("GET", "/", b"", 5) == (200, b"{}")
        while client._idle:  # noqa: ASYNC110 - the end of the connection arrives by itself
            await asyncio.sleep(0)
        assert not client._all
        assert await client.request("GET", "/", b"", 5) == (200, b"{}")


async def test_an_answer_that_breaks_off_on_a_kept_connection_is_not_asked_for_again() -> None:
    asked = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while await reader.readuntil(b"\r\n\r\n"):
            asked += 1
            if asked == 2:
                writer.write(b"HTTP/1.1 20")
                return
            writer.write(OK)

    async with server(handle) as url, keeping(url) as client, asyncio.timeout(5):
        assert await client.request("GET", "/", b"", 5) == (200, b"{}")
        with pytest.raises(ConnectionError):
            await client.request("GET", "/", b"", 5)
        assert asked == 2


async def test_closing_a_ticket_at_a_service_that_refuses_is_a_tokenizer_error() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 503 No\r\nContent-Length: 20\r\n\r\n{"error":"a reason"}')

    async with server(handle) as url, asyncio.timeout(5):
        client = TokenizerClient(url, "token")
        with pytest.raises(TokenizerError, match="a reason"):
            await client.close_ticket("axm1-ticket-x", printed=0)
        await client.aclose()
