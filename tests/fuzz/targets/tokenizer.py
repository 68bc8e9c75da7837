"""The tokenizer gateway, and what stands behind it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from typing import cast

import orjson

from axm1_llm.runtime.events import CacheKept, Token, TurnOver
from axm1_llm.runtime.parser import OutputParser
from axm1_llm.tokenizer.dialogue import Dialogue
from axm1_llm.tokenizer.gateway import Gateway, _Connection
from axm1_llm.tokenizer.prompts import CacheSize, Message, PromptSpec, Ticket
from axm1_llm.tokenizer.tickets import TicketBook
from axm1_llm.tokenizer.vendor import Call, Reply, VendorProtocol
from fuzz.reading import Reader, Target, chunks
from fuzz.targets.prompts import backend

_PATHS = ("/decode", "/encode", "/reset", "/get_uid", "/bos_id", "/eos_id", "/img_start_token", "/x", "")
_FIELDS = (
    "token_ids", "text", "uid", "system_prompt", "img_prompt", "num_img", "imgsz", "img_token_num",
    "img_type",
    "video", "video_prompt", "reset", "TICKET", "a", "u1", "u2", "",
)  # fmt: skip
_WIRE_WORDS = tuple(
    word.encode()
    for word in (
        "GET ", "POST ", *_PATHS, "?uid=u1", "%00", " HTTP/1.1\r\n", " HTTP/1.0\r\n",
        "Content-Length: 18\r\n",
        "Transfer-Encoding: chunked\r\n", "Expect: 100-continue\r\n",
        "Connection: upgrade\r\nUpgrade: h2c\r\n",
        "\r\n", "\r\n\r\n", "5\r\n", "0\r\n\r\n",
        '{"token_ids":[72]}', '{"text":"hi"}', '{"uid":"u1"}', "Host: x\r\n",
    )
)  # fmt: skip
_REPLY = re.compile(
    rb"(?:HTTP/1\.1 100 Continue\r\n\r\n)*HTTP/1\.1 (\d{3}) [^\r\n]+\r\nContent-Type: application/json\r\n"
    rb"Content-Length: (\d+)\r\nConnection: close\r\n\r\n(.*)",
    re.DOTALL,
)
_STATUSES = {200, 400, 404, 405}


class _Transport:
    """What a connection writes."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed, "written after the end"
        self.written += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, _: str) -> tuple[str, int]:
        return ("127.0.0.1", 9)


def wire(data: bytes) -> None:
    """Any bytes on a connection get one whole reply or none yet, the same one in any chunks."""
    reader = Reader(data)
    cutting, body = reader.byte(), reader.rest()
    whole, cut = asyncio.run(_both(body, cutting))
    assert whole == cut, (whole, cut)
    assert whole is None or whole[0] in {*_STATUSES, 413, 431}, whole


async def _both(body: bytes, cutting: int) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    return await _replied([body]), await _replied(list(chunks(body, cutting)))


async def _replied(pieces: list[bytes]) -> tuple[int, int] | None:
    """Status and length; None when the request is not complete."""
    protocol = VendorProtocol(Dialogue("m", backend(), TicketBook()))
    gateway = Gateway("m", protocol.answer)
    connection, transport = _Connection(gateway), _Transport()
    connection.connection_made(cast("asyncio.Transport", transport))
    for piece in pieces:
        if not transport.closed:
            connection.data_received(piece)
    if connection._task is not None:
        await connection._task
    connection.connection_lost(None)
    assert not gateway._connections
    if not transport.closed:
        assert not transport.written.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
        return None
    reply = _REPLY.fullmatch(transport.written)
    assert reply is not None, transport.written
    assert int(reply[2]) == len(reply[3])
    orjson.loads(reply[3])
    return int(reply[1]), len(reply[3])


def calls(data: bytes) -> None:
    """Any calls in any order are answered as the vendor's program needs it; each ticket has an outcome."""
    asyncio.run(_called(Reader(data)))


async def _called(reader: Reader) -> None:
    book = TicketBook()
    dialogue = Dialogue("m", backend(), book)
    protocol = VendorProtocol(dialogue)
    cache = CacheSize(64, 8) if reader.byte() & 1 else None
    tickets: list[Ticket] = []
    printed = 0
    for _ in range(12):
        if reader.empty:
            break
        if not tickets or reader.byte() % 6 == 0:
            spec = PromptSpec((Message("user", reader.some().decode("latin-1") or "x"),), cache=cache)
            tickets.append(await dialogue.open_ticket(spec))
        call = _call(reader, tickets[-1])
        reply = protocol.answer(call)
        printed += _heard(call, await reply if isinstance(reply, Awaitable) else reply)
    assert len(dialogue.sessions._sessions) <= 64
    for ticket in tickets:
        open_ticket = book.close(ticket.line)
        assert open_ticket is not None
        record = await dialogue.close_ticket(open_ticket, min(printed, reader.byte()), None, None)
        assert record.tokens >= len(record.tail)


def _call(reader: Reader, ticket: Ticket) -> Call:
    """Sensible calls mostly; else any object, or any bytes."""
    kind, who = reader.byte(), reader.of((None, None, "u1", "u2"))
    uid = {} if who is None else {"uid": who}
    ids = list(reader.some())
    match kind % 8:
        case 0 | 1:
            content: object = {"text": ticket.line, **uid}
            return Call("POST", "/encode", "", orjson.dumps(content), "127.0.0.1")
        case 2 | 3 | 4:
            return Call("POST", "/decode", "", orjson.dumps({"token_ids": ids, **uid}), "127.0.0.1")
        case 5:
            return Call(
                "POST", reader.of(_PATHS[:3]), "", orjson.dumps({"text": "reset", **uid}), "127.0.0.1"
            )
        case 6:
            grown = orjson.dumps(reader.json(_FIELDS)).replace(b"TICKET", ticket.line.encode())
            return Call(reader.of(("POST", "GET", "PUT")), reader.of(_PATHS), "uid=u%31", grown, "127.0.0.1")
        case _:
            return Call(reader.of(("POST", "GET")), reader.of(_PATHS), "", reader.some(64), "127.0.0.1")


def _heard(call: Call, reply: Reply) -> int:
    """Look at a reply; how many tokens of a framed answer it prints."""
    assert reply.status in _STATUSES, reply
    content = orjson.loads(reply.body)
    assert isinstance(content, dict)
    if reply.status != 200 or call.method != "POST":
        return 0
    if call.path != "/decode":
        assert content["token_ids"], "a runtime reads past the end of an empty list"
        assert content.get("diff", True)
        return 0
    if "\x02" not in content["text"]:
        return 0
    events = OutputParser().feed(content["text"].encode())
    return sum(
        isinstance(event, Token) for event in events if isinstance(event, Token | TurnOver | CacheKept)
    )


TARGETS = {
    "gateway-bytes": Target(wire, _WIRE_WORDS, share=2, largest=300),
    "gateway-calls": Target(calls, (), share=2, largest=150),
}
