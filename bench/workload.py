"""The model that is measured: the stand-in runtime in its scripted mode, with a real tokenizer."""

from __future__ import annotations

import json
import os
import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tokenizers import Tokenizer

from axm1_llm.demo import prepare_demo
from axm1_llm.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "bench:2k"
LONG = "Please tell me everything."
MIDDLE = "Please tell me a little."
SHORT = "Say one word."
_SHORT_ANSWER = "Here you are"  # three tokens, which is what the runtime prints at once
_MIDDLE_TOKENS = 100
_CONTEXT = 4096
_FACTS = (
    "Station {n} reported {a} degrees at noon, with wind from the north-west and {b} mm of rain.",
    "The train to platform {b} leaves at {a}:05; bring your own coffee ☕ and a good book 📚.",
    "`for item in range({a}): total += item * {b}` computes what the teacher asked for.",
    "第{n}章: 机器学习模型在边缘设备上运行, 速度为每秒{b}个词。",
    "Naïve façades, jalapeños and Zoë's résumé show that letters come with marks, {a} of them here.",
)


@dataclass(frozen=True, slots=True)
class Workload:
    """A model folder and what its model says.

    Attributes:
        folder: scratch space; the model's folder is in it.
        tokenizer: the folder with ``tokenizer.json``.
        ids: the tokens of the answer to `LONG`.
        text: the same as text.
    """

    folder: Path
    tokenizer: Path
    ids: tuple[int, ...]
    text: str

    def runtime(self, tokenizer_url: str, rate: float) -> list[str]:
        """The command line of the stand-in runtime; 0 for `rate` (tokens/s): as fast as it can."""
        flags = {
            "prompt": "",
            "continue": "1",
            "live_print": "1",
            "tokenizer_type": "2",
            "filename_tokenizer_model": tokenizer_url,
            "axmodel_num": "4",
            "sim_max_token_len": str(_CONTEXT),
            "sim_tokens_per_second": f"{rate:g}",
            "sim_answers": str(self.folder / "answers.json"),
            "sim_tokenizer": str(self.tokenizer / "tokenizer.json"),
        }
        words = [word for name, value in flags.items() for word in (f"--{name}", value)]
        return [sys.executable, "-m", "axm1_llm.sim", *words]

    def descriptor(self, tokenizer_port: int, rate: float) -> Path:
        """A descriptor file with one model of that speed."""
        script = self.folder / "run.sh"
        # Without `exec`, as the vendor's scripts: a shell stands between the service and the runtime.
        command = shlex.join(self.runtime(f"http://127.0.0.1:{tokenizer_port}", rate))
        script.write_text(f"#!/bin/sh\n{command}\n", "utf-8")
        script.chmod(0o755)
        entry = {
            "model_name": MODEL,
            "run_cmd": "./run.sh",
            "model_path": str(self.folder),
            "run_on_startup": True,
            "tokenizer_path": str(self.tokenizer),
            "tokenizer_port": tokenizer_port,
            "system": "You are a helpful assistant.",
        }
        path = self.folder / "model-descriptor.json"
        path.write_text(json.dumps([entry]), "utf-8")
        return path


def make_workload(folder: Path, tokens: int) -> Workload:
    """Make the workload with an answer of about `tokens` tokens; fetches the demo's tokenizer once."""
    descriptor = prepare_demo(load_settings({}, os.environ).demo_dir, python=sys.executable)
    tokenizer_folder = next(descriptor.parent.glob("*/tokenizer.json")).parent
    tokenizer = Tokenizer.from_file(str(tokenizer_folder / "tokenizer.json"))
    ids, text = _answer(tokenizer, tokens)
    rules = [
        {"match": LONG, "ids": ids},
        {"match": MIDDLE, "ids": ids[:_MIDDLE_TOKENS]},
        {"match": SHORT, "ids": tokenizer.encode(_SHORT_ANSWER, add_special_tokens=False).ids},
    ]
    (folder / "answers.json").write_text(json.dumps(rules), "utf-8")
    return Workload(folder, tokenizer_folder, tuple(ids), text)


def _answer(tokenizer: Tokenizer, tokens: int) -> tuple[list[int], str]:
    lines: list[str] = []
    ids: list[int] = []
    text = ""
    while len(ids) < tokens:
        n = len(lines)
        lines.append(_FACTS[n % len(_FACTS)].format(n=n, a=n * 7 % 100, b=n * 13 % 60))
        text = "\n".join(lines)
        ids = tokenizer.encode(text, add_special_tokens=False).ids
    return ids, text
