"""A tokenizer script as model folders have them: `http.server`, `transformers`, one user turn a text."""

from __future__ import annotations

import argparse
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer


class Handler(BaseHTTPRequestHandler):
    """Answers the runtime's four calls."""

    tokenizer: Any

    def do_GET(self) -> None:
        """The ids of the special tokens."""
        ids = {"/bos_id": self.tokenizer.bos_token_id, "/eos_id": self.tokenizer.eos_token_id}
        name = self.path.removeprefix("/")
        self.reply({name: -1 if ids.get(self.path) is None else ids[self.path]})

    def do_POST(self) -> None:
        """Text to ids, or ids to text."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/encode":
            turn = [{"role": "user", "content": asked["text"]}]
            text = self.tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True)
            self.reply({"token_ids": self.tokenizer.encode(text, add_special_tokens=False)})
        else:
            self.reply({"text": self.tokenizer.decode(asked["token_ids"])})

    def reply(self, content: dict[str, Any]) -> None:
        """Sends JSON."""
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serves until it is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, default=12345)
    where = parser.parse_args()
    Handler.tokenizer = AutoTokenizer.from_pretrained(Path(__file__).parent)
    print(f"Server running at http://{where.host}:{where.port}")
    HTTPServer((where.host, where.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
