"""``python -m axm1_llm.sim.axllm serve FOLDER --port N``: the API of the stand-in."""

from __future__ import annotations

import json
import queue
import signal
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from axm1_llm.sim.axllm.model import LoadError, Model, log
from axm1_llm.sim.axllm.script import read_script

if TYPE_CHECKING:
    from collections.abc import Sequence

    Events = queue.SimpleQueue[dict[str, Any] | None]

_USAGE = "usage: python -m axm1_llm.sim.axllm serve FOLDER [--port N] [--server_timeout_ms MS]\n"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, model: Model) -> None:
        self.model = model
        super().__init__(("127.0.0.1", port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        if self.path == "/health":
            self._json({"status": "healthy", "concurrency": 0, "max_concurrency": 1})
        elif self.path == "/v1/models":
            self._json({"object": "list", "data": [self._entry()]})
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "not found")

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        script = self.server.model.script
        route = "/v1/embeddings" if script.embeds else "/v1/chat/completions"
        if self.path != route or request.get("model") != script.model_name:
            self._refuse(HTTPStatus.BAD_REQUEST, f"Model '{request.get('model')}' is not available")
        elif script.strikes("status"):
            self._refuse(HTTPStatus(script.value("status")), "it was told to fail")
        elif script.embeds:
            self._embed(request)
        elif not script.sees and "image_url" in json.dumps(request["messages"]):
            self._refuse(HTTPStatus.BAD_REQUEST, f"Model '{script.model_name}' does not support image inputs")
        else:
            self._stream(request)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own names
        """The vendor's server logs no requests."""

    def _entry(self) -> dict[str, Any]:
        script = self.server.model.script
        entry = {"id": script.model_name, "object": "model", "owned_by": "openai-api"}
        return entry if script.embeds else {**entry, "max_token_len": script.context}

    def _embed(self, request: dict[str, Any]) -> None:
        vectors = self.server.model.embed(request["input"])
        data = [{"object": "embedding", "index": at, "embedding": each} for at, each in enumerate(vectors)]
        tokens = sum(len(text.split()) for text in request["input"])
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        self._json({"object": "list", "data": data, "model": request["model"], "usage": usage})

    def _stream(self, request: dict[str, Any]) -> None:
        events: Events = queue.SimpleQueue()

        def work() -> None:
            self.server.model.answer(request, events.put)
            events.put(None)

        # A thread of its own: the vendor's server does not notice either that its client is gone.
        threading.Thread(target=work, daemon=True).start()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while (event := events.get()) is not None:
            self._chunk(f"data: {_encoded(event, request['model'])}\n\n")
        self._chunk("data: [DONE]\n\n")
        self._chunk("")

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        kind = "invalid_request_error" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "server_error"
        self._json({"error": {"message": message, "type": kind, "code": kind}}, status)

    def _json(self, body: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _encoded(event: dict[str, Any], model: str) -> str:
    if "garbage" in event:
        return str(event["garbage"])
    if "error" in event:
        return json.dumps(event)
    choice = {"index": 0, "finish_reason": None, **event}
    usage = {"usage": choice.pop("usage")} if "usage" in choice else {}
    chunk = {"id": "chatcmpl-0", "object": "chat.completion.chunk", "created": 0, "model": model}
    return json.dumps({**chunk, "choices": [choice], **usage})


def main(argv: Sequence[str]) -> int:
    """Serve until SIGINT; gives the exit code."""
    if len(argv) < 2 or argv[0] != "serve":  # noqa: PLR2004 - the mode and the folder
        sys.stdout.write(_USAGE)
        return 255
    options = dict(zip(argv[2::2], argv[3::2], strict=False))
    script = read_script(Path(argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # while it loads, the vendor's does nothing either
    model = Model(script)
    try:
        model.load()
    except LoadError:
        return 255
    if script.strikes("never_healthy"):
        threading.Event().wait()
    server = _Server(int(options.get("--port", "8000")), model)
    if not script.strikes("ignore_sigint"):
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        server.serve_forever(poll_interval=0.05)
    except KeyboardInterrupt:
        log("INF", "stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
