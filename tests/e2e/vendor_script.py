"""A tokenizer script in the vendors' way: a plain `http.server` with its own chat template for one user turn.

It differs from theirs in its tokenizer only: `tokenizers` in place of `transformers`, which takes seconds.
"""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers

BOS = "<｜begin▁of▁sentence｜>"
EOS = "<｜end▁of▁sentence｜>"
USER = "<｜User｜>"
ASSISTANT = "<｜Assistant｜>"

SCRIPT = '''
from http.server import HTTPServer, BaseHTTPRequestHandler
import argparse
import json
import os
import sys
import time

from tokenizers import Tokenizer


class Tokenizer_Http():

    def __init__(self):
        self.tokenizer = Tokenizer.from_file("tokenizer.json")

    def encode(self, content):
        text = f"<｜begin▁of▁sentence｜><｜User｜>{content}<｜Assistant｜>"
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def decode(self, token_ids):
        return self.tokenizer.decode(token_ids, skip_special_tokens=True)

    @property
    def bos_id(self):
        return self.tokenizer.token_to_id("<｜begin▁of▁sentence｜>")

    @property
    def eos_id(self):
        return self.tokenizer.token_to_id("<｜end▁of▁sentence｜>")


tokenizer = Tokenizer_Http()
trouble = os.environ.get("TOKENIZER_TROUBLE", "")
print(tokenizer.encode("hello world"))


def strike(call):
    """Once only, and when the file is there: a script that is started again is healthy."""
    what, _, where = trouble.partition("_in_")
    if where != call or not os.path.exists("trouble"):
        return False
    os.remove("trouble")
    if what == "hang":
        time.sleep(3600)
    if what == "die":
        os._exit(3)
    if what == "slow":
        time.sleep(0.3)
    return what == "garbage"


class Request(BaseHTTPRequestHandler):
    timeout = 5
    server_version = "Apache"

    def do_GET(self):
        print(self.path)
        self.send_response(200)
        self.send_header("type", "get")
        self.end_headers()
        if self.path == "/bos_id":
            msg = json.dumps({"bos_id": tokenizer.bos_id})
        elif self.path == "/eos_id":
            msg = json.dumps({"eos_id": tokenizer.eos_id})
        else:
            msg = "error"
        self.wfile.write(str(msg).encode())

    def do_POST(self):
        data = self.rfile.read(int(self.headers["content-length"]))
        req = json.loads(data.decode())
        if self.path == "/encode":
            garbled = strike("encode")
            msg = json.dumps({"token_ids": tokenizer.encode(req["text"])})
        elif self.path == "/decode":
            garbled = strike("decode")
            msg = json.dumps({"text": tokenizer.decode(req["token_ids"])})
        else:
            garbled, msg = False, "error"
        if garbled:
            msg = "<html>no JSON"
        self.send_response(200)
        self.send_header("type", "post")
        self.end_headers()
        self.wfile.write(str(msg).encode())


if __name__ == "__main__":
    args = argparse.ArgumentParser()
    args.add_argument("--host", type=str, default="localhost")
    args.add_argument("--port", type=int, default=8080)
    args = args.parse_args()
    print("Server running at http://%s:%s" % (args.host, args.port))
    server = HTTPServer((args.host, args.port), Request)
    server.serve_forever()
'''


def write_script_tokenizer(folder: Path, name: str) -> Tokenizer:
    """Write the script and its tokenizer.json, in which a token is a byte or a special token."""
    folder.mkdir(parents=True, exist_ok=True)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={char: index for index, char in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([BOS, EOS, USER, ASSISTANT])
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / name).write_text(SCRIPT, "utf-8")
    return tokenizer
