"""A tokenizer script as model folders have it: `http.server` and `transformers`, nothing else.

Run: python reference_tokenizer.py --port PORT --folder FOLDER
"""

from __future__ import annotations

import argparse
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from transformers import AutoTokenizer


def handler(tokenizer: Any) -> type[BaseHTTPRequestHandler]:  # noqa: ANN401 - the library has no types
    """The handler of the two calls that matter here."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/encode":
                reply: dict[str, object] = {"token_ids": tokenizer.encode(content["text"])}
            else:
                reply = {"text": tokenizer.decode(content["token_ids"])}
            body = json.dumps(reply).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Nothing: a line a call would make this script slower than it has to be."""

    return Handler


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", required=True)
    flags = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(flags.folder)
    HTTPServer(("127.0.0.1", flags.port), handler(tokenizer)).serve_forever()


if __name__ == "__main__":
    main()
