"""A reverse proxy that gives a service a path of its own, as one that serves several programs does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

_OF_ONE_CONNECTION = {"connection", "host", "transfer-encoding"}


@contextmanager
def prefix_proxy(service: str, prefix: str) -> Iterator[str]:
    """The address under which the service at `service` is found, `prefix` at its end."""

    class Handler(BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            path = self.path.removeprefix(prefix)
            if path == self.path:
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {
                key: value for key, value in self.headers.items() if key.lower() not in _OF_ONE_CONNECTION
            }
            with httpx.stream(
                self.command, service + path, headers=headers, content=body, timeout=30
            ) as answer:
                self.send_response(answer.status_code)
                for key, value in answer.headers.multi_items():
                    if key not in _OF_ONE_CONNECTION:
                        self.send_header(key, value)
                self.end_headers()
                for part in answer.iter_raw():
                    self.wfile.write(part)

        do_GET = do_POST = do_DELETE = _pass_on  # noqa: N815 - the names that http.server calls

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}{prefix}"
        finally:
            server.shutdown()
            thread.join()
