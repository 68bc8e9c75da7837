from __future__ import annotations

import asyncio
import contextlib
import gc
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from structlog.testing import capture_logs

from axm1_llm.tokenizer.gateway import _Connection, open_gateway
from axm1_llm.tokenizer.vendor import Call, Reply
from tokenizer.runtime_calls import call, parsed, send

Serve = Callable[[Callable[[Call], Reply | Awaitable[Reply]]], Awaitable[int]]


@pytest.fixture
async def gateway() -> AsyncIterator[Serve]:
    """Opens gateways with any handler."""
    async with contextlib.AsyncExitStack() as stack:

        async def opened(answer: Callable[[Call], Reply | Awaitable[Reply]]) -> int:
            return await stack.enter_async_context(open_gateway("m", "127.0.0.1", 0, answer))

        yield opened


def echo(call_: Call) -> Reply:
    told = [call_.method, call_.path, call_.query, call_.body.decode(), call_.peer]
    return Reply(200, json.dumps({"told": told}).encode())


async def test_a_call_is_answered_and_its_connection_closed(gateway: Serve) -> None:
    port = await gateway(echo)
    reply = await asyncio.to_thread(
        send, port, b"POST /en%63ode?uid=7 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
    )
    assert reply.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nConnection: close\r\n" in reply
    assert parsed(reply).content == {"told": ["POST", "/encode", "uid=7", "hi", "127.0.0.1"]}


async def test_a_call_that_comes_byte_by_byte_is_answered_once(gateway: Serve) -> None:
    port = await gateway(echo)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for byte in b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n":
        writer.write(bytes([byte]))
        with contextlib.suppress(ConnectionError):
            await writer.drain()
    async with asyncio.timeout(5):
        heard = b""
        with contextlib.suppress(ConnectionResetError):  # what came after the call is not read
            heard = await reader.read()
    writer.close()
    assert heard.count(b"HTTP/1.1 200") == 1
    assert b'"abc"' in heard


@pytest.mark.parametrize("more", [b"GET /two HTTP/1.1\r\n\r\n", b"POST", b"\x00\xff"])
async def test_what_comes_in_one_packet_with_a_call_does_not_change_its_answer(
    gateway: Serve, more: bytes
) -> None:
    port = await gateway(echo)
    call_ = b"POST /one HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi"
    heard = parsed(await asyncio.to_thread(send, port, call_ + more))
    assert heard.content == {"told": ["POST", "/one", "", "hi", "127.0.0.1"]}


async def test_leave_to_send_a_large_body_is_given(gateway: Serve) -> None:
    port = await gateway(echo)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    async with asyncio.timeout(5):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"hi")
        assert b'"hi"' in await reader.read()
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"\x00\x01\x02\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"POST /encode HTTP/1.1\r\nOrigin: https://a.page\r\nContent-Length: 2\r\n\r\nhi", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: abc\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000, 431),
    ],
)
async def test_what_is_no_call_is_refused(gateway: Serve, request_: bytes, status: int) -> None:
    port = await gateway(echo)
    heard = parsed(await asyncio.to_thread(send, port, request_))
    assert heard.status == status
    assert "error" in heard.content


async def test_a_body_without_end_is_cut_off(gateway: Serve) -> None:
    port = await gateway(echo)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    async with asyncio.timeout(20):
        with contextlib.suppress(ConnectionError):
            for _ in range(40):
                writer.write(chunk)
                await writer.drain()
            pytest.fail("40 MB were taken")
    writer.transport.abort()
    with contextlib.suppress(ConnectionError):
        await reader.read()


async def test_a_defect_behind_it_is_answered_and_logged_without_the_text(gateway: Serve) -> None:
    def fail(_: Call) -> Reply:
        raise ValueError("secret")

    async def fail_later() -> Reply:
        raise ValueError("secret")

    with capture_logs() as logs:
        for handler in (fail, lambda _: fail_later()):
            heard = await asyncio.to_thread(call, await gateway(handler), "GET", "/")
            assert heard.status == 500
    assert len(logs) == 2
    assert "secret" not in str(logs)


async def test_a_caller_that_leaves_ends_the_work_for_it(gateway: Serve) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def work() -> Reply:
        try:
            started.set()
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    port = await gateway(lambda _: work())
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    async with asyncio.timeout(5):
        await started.wait()
        writer.transport.abort()
        await ended.wait()


async def test_closing_breaks_off_connections_and_frees_the_port(gateway: Serve) -> None:
    async with open_gateway("m", "127.0.0.1", 0, echo) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\n")
    async with asyncio.timeout(5):
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
    writer.close()
    async with open_gateway("m", "127.0.0.1", port, echo):
        assert (await asyncio.to_thread(call, port, "GET", "/")).status == 200


async def test_a_thousand_calls_leave_nothing_behind(gateway: Serve) -> None:
    port = await gateway(echo)

    def many() -> None:
        for _ in range(1000):
            assert call(port, "GET", "/").status == 200

    await asyncio.to_thread(many)
    gc.collect()
    assert sum(isinstance(thing, _Connection) for thing in gc.get_objects()) < 10


async def test_connections_beyond_the_most_are_turned_away_and_the_others_served(gateway: Serve) -> None:
    port = await gateway(echo)
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(256)]
    async with asyncio.timeout(5):
        reader, extra = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        extra.close()
        idle[0][1].write(b"GET / HTTP/1.1\r\n\r\n")
        assert b"200 OK" in await idle[0][0].read()
        for _, writer in idle:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
