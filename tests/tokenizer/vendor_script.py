"""A tokenizer script as vendors ship them (plain `http.server`), which can also misbehave; run as a child.

A token is a byte; 0 ends an answer. Its chat template is ``[user]…[assistant]``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

BROKEN = Path("broken")  # in its folder: holds the name of the fault from now on


class Conversation:
    """What scripts for context builds remember of one uid."""

    def __init__(self) -> None:
        self.turns = ""
        self.undecoded: list[int] = []

    def encode(self, text: str) -> list[int]:
        self.turns += f"[user]{text}[assistant]"
        return list(self.turns.encode())

    def decode(self, ids: list[int]) -> str:
        self.undecoded += ids
        text = bytes(self.undecoded).decode("utf-8", "replace")
        if "\ufffd" in text:
            return ""
        self.undecoded.clear()
        return text


class Handler(BaseHTTPRequestHandler):
    conversations: dict[str, Conversation] | None = None
    end = "[assistant]"
    sees = False

    def do_GET(self) -> None:
        self.misbehave()
        url = urlsplit(self.path)
        uid = parse_qs(url.query).get("uid", [""])[0]
        known = self.conversations is None or uid in self.conversations
        if url.path == "/get_uid" and self.conversations is not None:
            uid = str(uuid.uuid4())
            self.conversations[uid] = Conversation()
            self.reply({"uid": uid})
        elif url.path == "/bos_id" and known:
            self.reply({"bos_id": -1})
        elif url.path == "/eos_id" and known:
            self.reply({"eos_id": 0})
        elif url.path in ("/img_start_token", "/img_context_token") and self.sees:
            self.reply({url.path[1:]: 1 if url.path == "/img_start_token" else 2})
        else:
            self.reply({"error": "Invalid uid"})

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.misbehave()
        if self.conversations is not None:
            self.of_context(content, self.conversations[content["uid"]])
        elif self.path == "/encode":
            picture = [1, *[2] * content["img_token_num"]] if content.get("img_prompt") else []
            self.reply({"token_ids": [*picture, *f"[user]{content['text']}{self.end}".encode()]})
        else:
            self.reply({"text": bytes(content["token_ids"]).decode("utf-8", "replace")})

    def of_context(self, content: dict[str, Any], conversation: Conversation) -> None:
        if self.path == "/reset":
            conversation.turns = f"[system]{content.get('system_prompt', 'default')}"
            self.reply({"token_ids": list(conversation.turns.encode())})
        elif self.path == "/encode":
            ids = conversation.encode(content["text"])
            self.reply({"token_ids": ids, "diff": ids})
        else:
            self.reply({"text": conversation.decode(content["token_ids"])})

    def misbehave(self) -> None:
        fault = BROKEN.read_text("utf-8") if BROKEN.exists() else ""
        if fault == "hangs":
            threading.Event().wait()
        elif fault == "dies":
            BROKEN.unlink()
            os._exit(3)
        elif fault == "talks nonsense":
            self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\nnonsense")
            self.close_connection = True
            raise BrokenPipeError

    def reply(self, content: dict[str, Any]) -> None:
        # No Content-Length, as vendors' scripts: closing ends the body.
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, *_: object) -> None:
        pass


class Server(HTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=12345)
    if "--no-host" not in os.environ.get("SCRIPT", ""):
        parser.add_argument("--host", default="localhost")
    args = parser.parse_args()
    faults = os.environ.get("SCRIPT", "")
    if "--port-taken" in faults and not Path("tried").exists():
        Path("tried").touch()
        raise OSError(98, "Address already in use")
    sys.stderr.write("None of PyTorch, TensorFlow >= 2.0, or Flax have been found.\n")
    if "--fails" in faults:
        raise OSError("tokenizer files are not here")
    if "--context" in faults:
        Handler.conversations = {}
    Handler.sees = "--sees" in faults
    if "--thinks" in faults:
        Handler.end = "[assistant]<think>\n"
    port = 0 if "--wrong-port" in faults else args.port
    server = Server((getattr(args, "host", "localhost"), port), Handler)
    sys.stdout.write(f"Server running at http://localhost:{port}\n")
    server.serve_forever()


if __name__ == "__main__":
    main()
