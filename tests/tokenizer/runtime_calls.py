"""The calls of a vendor runtime: blocking, a new connection each, as its HTTP client makes them."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Heard:
    """Status and JSON of a reply."""

    status: int
    content: dict[str, Any]


def send(port: int, request: bytes, *, host: str = "127.0.0.1") -> bytes:
    """Send bytes on a new connection; everything until it is closed."""
    with socket.create_connection((host, port), timeout=5) as connection:
        connection.sendall(request)
        heard = b""
        while chunk := connection.recv(65536):
            heard += chunk
        return heard


def call(port: int, method: str, path: str, content: object = None) -> Heard:
    """One call of the protocol."""
    body = b"" if content is None else json.dumps(content).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    return parsed(send(port, head.encode() + body))


def parsed(reply: bytes) -> Heard:
    """Status and JSON of a whole reply."""
    head, _, body = reply.partition(b"\r\n\r\n")
    return Heard(int(head.split(b" ")[1]), json.loads(body))


def unframed(text: str) -> list[str | None]:
    """The frames in what ``/decode`` returned; None is an undecoded token."""
    found = re.findall("\x02([^\x02\x03]*)\x03", text)
    assert "".join(f"\x02{frame}\x03" for frame in found) == text, "bytes outside of frames"
    return [
        None if frame == "\x10?" else re.sub("\x10(.)", lambda m: chr(ord(m[1]) ^ 0x40), frame)
        for frame in found
    ]


@dataclass
class Runtime:
    """Answers prompts as the vendor's host program does: groups of three, then the whole answer once more.

    Attributes:
        port: of the gateway.
        uid: None for the first generation; asked for by `connect`.
        printed: what it put on stdout.
        held: the ids in its KV cache (context builds).
    """

    port: int
    uid: str | None = None
    printed: str = ""
    held: list[int] = field(default_factory=list)

    async def call(self, method: str, path: str, content: dict[str, Any] | None = None) -> Heard:
        if content is not None and self.uid is not None:
            content = {"uid": self.uid, **content}
        return await asyncio.to_thread(call, self.port, method, path, content)

    async def connect(self) -> None:
        """What a context build does when it starts."""
        self.uid = (await self.call("GET", "/get_uid")).content["uid"]
        await self.reset()

    async def reset(self) -> None:
        self.held = (await self.call("POST", "/reset", {"system_prompt": "You are helpful."})).content[
            "token_ids"
        ]
        assert self.held

    async def encode(self, line: str) -> list[int]:
        """The ids that it feeds to the model: all of them, or those that its KV cache lacks."""
        content = (await self.call("POST", "/encode", {"text": line})).content
        assert content["token_ids"]
        if self.uid is None:
            return list(content["token_ids"])
        assert content["diff"]
        self.held += content["diff"]
        return list(content["diff"])

    async def decode(self, ids: list[int]) -> str:
        return str((await self.call("POST", "/decode", {"token_ids": ids})).content["text"])

    async def answer(self, ids: list[int], *, stopped: bool = False, live_print: bool = True) -> int:
        """Generate `ids`; the number of tokens that were printed.

        Args:
            ids: what the model comes up with.
            stopped: by SIGINT, or because the context was full: an unfinished group is not printed.
            live_print: as the flag of the vendor's program.
        """
        self.held += ids
        printed = 0
        if live_print:
            for start in range(0, len(ids), 3):
                group = ids[start : start + 3]
                if len(group) == 3 or not stopped:
                    self.printed += await self.decode(group)
                    printed += len(group)
        whole = await self.decode(ids)
        if not live_print:
            self.printed += whole
            printed = len(ids)
        return printed
