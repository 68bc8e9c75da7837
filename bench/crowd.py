"""Clients in great numbers: most want nothing, some never finish to ask, some never read, some vanish."""

from __future__ import annotations

import random
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from exchange import http_request
from workload import LONG, MIDDLE, MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator

_GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
_VANISHING = 0.005  # seconds between two clients that vanish


@dataclass(frozen=True, slots=True)
class Kinds:
    """How many clients of each kind.

    Attributes:
        deaf: wait for a long answer, and read nothing of it.
        queued: wait for an answer.
        half: never finish their request: the head of one half of them, the body of the other.
        following: follow the log of the model.
        idle: asked something once, and keep the connection.
    """

    deaf: int
    queued: int
    half: int
    following: int
    idle: int

    @property
    def total(self) -> int:
        """All together."""
        return self.deaf + self.queued + self.half + self.following + self.idle


class Crowd:
    """Clients that are connected until the context is left; then all of them vanish at the same moment."""

    def __init__(self, port: int, kinds: Kinds) -> None:
        self._port = port
        self._kinds = kinds
        self._clients: list[socket.socket] = []
        self._over = threading.Event()
        self._vanishing = threading.Thread(target=self._vanish)
        self.vanished = 0

    def __enter__(self) -> Self:
        for sent, buffer in self._requests():
            self._clients.append(_connected(self._port, sent, buffer))
        self._vanishing.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._vanishing.join()
        for client in self._clients:
            client.close()

    def _requests(self) -> Iterator[tuple[bytes, int]]:
        """What each client sends, and how much it lets come."""
        kinds, usual = self._kinds, 0
        prompt = _prompt(MIDDLE)
        follow = f"GET /api/logs/{MODEL}?follow=1 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        for number in range(max(kinds.deaf, kinds.queued, kinds.half, kinds.following, kinds.idle)):
            if number < kinds.deaf:
                yield _prompt(LONG), 2048
            if number < kinds.queued:
                yield prompt, usual
            if number < kinds.half:
                yield prompt[: 40 if number % 2 else -3], usual
            if number < kinds.following:
                yield follow, usual
            if number < kinds.idle:
                yield _GET, usual

    def _vanish(self) -> None:
        """One client after the other, each gone at another moment."""
        dice = random.Random(4711)  # noqa: S311 - the same each time
        prompt = _prompt(MIDDLE)
        while not self._over.wait(_VANISHING):
            sent = prompt[: dice.randrange(len(prompt) + 1)] if dice.random() < 0.5 else prompt
            with suppress(OSError), _connected(self._port, sent, 0) as client:
                client.settimeout(dice.random() / 50)
                client.recv(1)
            self.vanished += 1


def _prompt(text: str) -> bytes:
    return http_request("POST", "/api/generate", {"model": MODEL, "prompt": text})


def _connected(port: int, sent: bytes, buffer: int) -> socket.socket:
    client = socket.socket()
    if buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    client.settimeout(60)
    client.connect(("127.0.0.1", port))
    client.sendall(sent)
    return client
