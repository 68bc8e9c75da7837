"""Blocking HTTP with as little in the way as can be: what is measured is the server."""

from __future__ import annotations

import http.client
import json
import socket
import time
from dataclasses import dataclass
from typing import Any, Self

_CHUNK = 65536
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Streamed:
    """One streamed answer.

    Attributes:
        first: seconds from the request to the first byte of the answer's body.
        whole: seconds from the request to the last byte.
        lines: the objects of the stream, in order.
    """

    first: float
    whole: float
    lines: list[dict[str, Any]]

    @property
    def text(self) -> str:
        """The answer's text."""
        return "".join(line["response"] for line in self.lines)

    @property
    def tokens(self) -> int:
        """`eval_count` of the last object."""
        return int(self.lines[-1]["eval_count"])


class StreamClient:
    """POSTs JSON over one connection, and takes chunked answers with their times."""

    def __init__(self, port: int, path: str) -> None:
        self._path = path
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def post(self, body: object) -> Streamed:
        """Send `body`, and take the whole answer.

        Raises:
            RuntimeError: the answer is not a stream with status 200.
        """
        request = http_request("POST", self._path, body)
        begun = time.perf_counter()
        self._socket.sendall(request)
        received, first = bytearray(), 0.0
        while not received.endswith(b"\r\n0\r\n\r\n"):
            chunk = self._socket.recv(_CHUNK)
            received += chunk
            if not first and received.partition(b"\r\n\r\n")[2]:
                first = time.perf_counter() - begun
            if not chunk or not received.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"no stream: {bytes(received[:1000])!r}")
        whole = time.perf_counter() - begun
        body_text = _unchunked(bytes(received).partition(b"\r\n\r\n")[2])
        return Streamed(first, whole, [json.loads(line) for line in body_text.splitlines()])


def http_request(method: str, path: str, body: object) -> bytes:
    """The bytes of a request with a JSON body."""
    content = json.dumps(body).encode()
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def ask_once(port: int, request: bytes) -> tuple[float, bytes]:
    """Send `request` on a new connection; seconds until the server has closed it, and all it sent."""
    begun = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as connection:
        connection.sendall(request)
        received = bytearray()
        while chunk := connection.recv(_CHUNK):
            received += chunk
    return time.perf_counter() - begun, bytes(received)


def call(port: int, method: str, path: str, body: object = None, token: str = "") -> Any:  # noqa: ANN401 - JSON
    """The JSON answer to a call whose time does not matter.

    Raises:
        RuntimeError: the status is none of the 200s.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        connection.request(method, path, json.dumps(body), {"X-Axm1-Token": token})
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    if response.status // 100 != 2:
        raise RuntimeError(f"{method} {path}: {response.status} {content[:1000]!r}")
    return json.loads(content)


def _unchunked(content: bytes) -> bytes:
    parts = []
    while content:
        size, _, content = content.partition(b"\r\n")
        count = int(size, 16)
        parts.append(content[:count])
        content = content[count + 2 :]
    return b"".join(parts)
