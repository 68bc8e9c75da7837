"""An llm-service of canned answers on a real socket.

It knows what it was asked, and whether a client left.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LONGEST = 20.0  # seconds; only a failing test waits that long
# What happens in a stream beside lines.
HANG = object()  # nothing more comes until the client leaves
CUT = object()  # the connection ends in the middle of the body


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: an object, bytes as they are, or the parts of a stream (bytes, `HANG`, `CUT`)."""

    status: int = 200
    body: object = None
    stream: Sequence[object] | None = None


@dataclass(slots=True)
class FakeService:
    """Answers each path with its replies in turn; the last one stays."""

    replies: dict[str, list[Reply]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    client_left: threading.Event = field(default_factory=threading.Event)
    held: set[str] = field(default_factory=set)
    released: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    _server: ThreadingHTTPServer | None = None
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"fake": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        assert self._thread is not None
        self.released.set()
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()

    def answer(self, path: str, *replies: Reply) -> None:
        """Answer `path` so from now on."""
        self.replies[path] = list(replies)

    def hold(self, path: str, reply: Reply) -> None:
        """Answer `path` so, but only after `release`."""
        self.answer(path, reply)
        self.held.add(path)

    def release(self) -> None:
        """Let the answers go that are held."""
        self.released.set()

    def next_reply(self, path: str) -> Reply:
        replies = self.replies.get(path)
        if not replies:
            return Reply(404, {"error": "404 page not found"})
        return replies.pop(0) if len(replies) > 1 else replies[0]


class _Handler(BaseHTTPRequestHandler):
    fake: ClassVar[FakeService]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        self._answer(json.loads(self.rfile.read(size)) if size else None)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def _answer(self, body: object) -> None:
        self.fake.asked.append(Asked(self.command, self.path, dict(self.headers), body))
        reply = self.fake.next_reply(self.path)
        if self.path in self.fake.held:
            assert self.fake.released.wait(_LONGEST)
        self.send_response(reply.status)
        if reply.stream is None:
            data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        else:
            self.send_header("Content-Type", "application/x-ndjson")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self._stream(reply.stream)

    def _stream(self, parts: Sequence[object]) -> None:
        for part in parts:
            if part is HANG:
                assert self.connection.recv(1) == b""  # it only returns when the client is gone
                self.fake.client_left.set()
                self.close_connection = True
                return
            if part is CUT:
                self.close_connection = True
                return
            assert isinstance(part, bytes)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")


FIGURES = {
    "total_duration": 1_500_000_000,
    "load_duration": 12_500_000,
    "prompt_eval_count": 20,
    "prompt_eval_duration": 250_000_000,
    "eval_count": 10,
    "eval_duration": 500_000_000,
}


def token(text: str) -> bytes:
    """A line of a streamed answer."""
    return json.dumps({"model": "m", "response": text, "done": False}, ensure_ascii=False).encode() + b"\n"


def end(text: str = "") -> bytes:
    """The last line of a streamed answer."""
    last = {"model": "m", "response": text, "done": True, "done_reason": "stop", **FIGURES}
    return json.dumps(last).encode() + b"\n"


def answer(*texts: str) -> Reply:
    """A streamed answer of these tokens."""
    return Reply(stream=[*map(token, texts), end()])


def chat_token(text: str) -> bytes:
    """A line of a streamed answer of a chat."""
    message = {"role": "assistant", "content": text}
    return json.dumps({"model": "m", "message": message, "done": False}).encode() + b"\n"


def chat_answer(*texts: str) -> Reply:
    """A streamed answer of a chat."""
    last = {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, **FIGURES}
    return Reply(stream=[*map(chat_token, texts), json.dumps(last).encode() + b"\n"])


def report(model: str, status: str = "ready", **more: object) -> dict[str, object]:
    """A model's status as the service tells it."""
    return {
        "model": model,
        "status": status,
        "since": "2026-03-04T05:06:07.123456Z",
        "progress": None,
        "prompt": None,
        "queue_length": 0,
        "context_length": None,
        "cmm_remaining_mb": {},
        "failure": None,
        **more,
    }
