"""A tokenizer server for tests, for both variants of the protocol: a token is a byte, 0 ends an answer."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

EOS = 0


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: ByteTokenizer

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing when the runtime crashes in the middle of a call: some tests want that."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, body: dict[str, Any]) -> None:
        owner = self.server.owner
        name = urlsplit(self.path).path[1:]
        owner.calls.append((self.path, body))
        owner.connections += self.headers.get("Connection") == "close"
        if name in owner.broken:
            content, status = owner.broken[name]
            if content is None:
                time.sleep(owner.hang_seconds)
                return
        else:
            content, status = json.dumps(owner.reply(name, body)).encode(), 200
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if owner.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            content = b"".join(b"1\r\n%c\r\n" % byte for byte in content) + b"0\r\n\r\n"
        else:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class ByteTokenizer:
    """Runs in a thread of the test.

    Attributes:
        calls: (path, body) of every call so far.
        broken: name of a call -> (content, status) to give instead; content None hangs.
        connections: calls that came with ``Connection: close``.
        constants: name of a call -> its answer.
        last_diff: the ids that the last prompt of a context build added.
        chunked: answer with ``Transfer-Encoding: chunked``.
        frames: put each decoded token between the bytes 02 and 03.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.broken: dict[str, tuple[bytes | None, int]] = {}
        self.frames = False
        self.chunked = False
        self.constants: dict[str, object] = {
            "bos_id": -1,
            "eos_id": EOS,
            "img_start_token": 151652,
            "img_context_token": 151655,
            "get_uid": "9f08",
        }
        self.last_diff: list[int] = []
        self.hang_seconds = 1.5
        self.connections = 0
        self._history: list[int] = []

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop listening; a second time does nothing."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def bodies(self, name: str) -> list[dict[str, Any]]:
        return [body for path, body in self.calls if urlsplit(path).path == f"/{name}"]

    def reply(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        match name:
            case "bos_id" | "eos_id" | "img_start_token" | "img_context_token" | "get_uid":
                return {name.removeprefix("get_"): self.constants[name]}
            case "reset":
                self._history = list(f"S:{body.get('system_prompt', '')}\n".encode())
                return {"token_ids": self._history}
            case "encode":
                return self._encode(body)
            case _:
                return {"text": self._decode(body["token_ids"])}

    def _encode(self, body: dict[str, Any]) -> dict[str, Any]:
        if "uid" not in body:
            return {"token_ids": list(body["text"].encode())}
        diff = list(f"<|im_start|>user\n{body['text']}<|im_end|>\n".encode())
        self.last_diff = diff
        self._history += [*body.get("last_reply", "").encode(), *diff]
        return {"token_ids": self._history, "diff": diff}

    def _decode(self, ids: list[int]) -> str:
        if self.frames:
            return "".join(f"\x02{chr(number)}\x03" for number in ids)
        return bytes(ids).decode(errors="replace")
