"""What a long conversation costs on a runtime that keeps its KV cache.

Run: python bench/conversation.py [--turns N] [--rounds N]

The stand-in runtime takes the same time for each token of a prompt, as a card does, and only for those
that its KV cache does not hold. Its answers are cut into other tokens than the tokenizer would cut them,
as real models' answers are. Beside it the same conversation on a build that keeps nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tokenizers import Tokenizer

from axm1_llm.demo import prepare_demo
from axm1_llm.settings import load_settings
from exchange import StreamClient
from figures import Figure, below, table, told
from processes import axm1, free_ports, running, wait_for_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SYSTEM = "You are a helpful assistant."
_ANSWER = (
    "Station {n} reported 17 degrees at noon, with wind from the north-west. Naïve façades, jalapeños and "
    "Zoë's résumé show that letters come with marks; `total += item * {n}` is what the teacher asked for ☕."
)
_QUESTION = "And what does the report of station {n} say about the weather, the wind and the trains there?"
_MS_PER_TOKEN = 2.0  # about what the card takes for a 1.5B model
_SECOND = 1


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: seconds to its first token, tokens of its prompt, and those that cost time."""

    first: float
    tokens: int
    fed: int


def _cut_differently(tokenizer: Tokenizer, text: str) -> list[int]:
    return [token for char in text for token in tokenizer.encode(char, add_special_tokens=False).ids]


def _describe(folder: Path, tokenizer_folder: Path, turns: int) -> Path:
    """A descriptor file with a model that keeps its KV cache, and one that does not."""
    tokenizer = Tokenizer.from_file(str(tokenizer_folder / "tokenizer.json"))
    # The last question decides; the first rule that fits is taken.
    rules = [
        {
            "match": re.escape(_QUESTION.format(n=number)),
            "ids": _cut_differently(tokenizer, _ANSWER.format(n=number)),
        }
        for number in reversed(range(turns))
    ]
    (folder / "answers.json").write_text(json.dumps(rules), "utf-8")
    entries = []
    for name, port in zip(("keeps", "forgets"), free_ports(2), strict=True):
        flags = {
            "prompt": "",
            "continue": "1",
            "live_print": "1",
            "filename_tokenizer_model": f"http://127.0.0.1:{port}",
            "axmodel_num": "4",
            "sim_max_token_len": "8192",
            "sim_prefill": "128",
            "sim_dialect": "context" if name == "keeps" else "plain",
            "sim_prefill_ms": str(_MS_PER_TOKEN),
            "sim_answers": str(folder / "answers.json"),
            "sim_tokenizer": str(tokenizer_folder / "tokenizer.json"),
        }
        if name == "keeps":
            flags["system_prompt"] = _SYSTEM
        else:
            flags["sim_prefill_groups"] = "8192"
        words = [word for flag, value in flags.items() for word in (f"--{flag}", value)]
        script = folder / f"{name}.sh"
        command = shlex.join([sys.executable, "-m", "axm1_llm.sim", *words])
        script.write_text(f"#!/bin/sh\n{command}\n", "utf-8")
        script.chmod(0o755)
        entries.append(
            {
                "model_name": name,
                "run_cmd": f"./{script.name}",
                "model_path": str(folder),
                "tokenizer_path": str(tokenizer_folder),
                "tokenizer_port": port,
                "run_on_startup": True,
            }
        )
    file = folder / "model-descriptor.json"
    file.write_text(json.dumps(entries), "utf-8")
    return file


def _counted(port: int, model: str) -> tuple[int, int]:
    """Tokens of the model's prompts so far, and those that its KV cache held."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as response:
        text = response.read().decode()
    names = ("prompt_tokens_total", "prompt_tokens_cached_total")
    found = [re.search(rf'^axm1_llm_{name}{{model="{model}"}} (\S+)$', text, re.MULTILINE) for name in names]
    assert found[0] is not None
    assert found[1] is not None
    return int(float(found[0][1])), int(float(found[1][1]))


def _converse(port: int, model: str, turns: int) -> Iterator[Turn]:
    messages = [{"role": "system", "content": _SYSTEM}]
    with StreamClient(port, "/api/chat") as client:
        for number in range(turns):
            messages.append({"role": "user", "content": _QUESTION.format(n=number)})
            before = _counted(port, model)
            streamed = client.post({"model": model, "messages": messages})
            said = "".join(line["message"]["content"] for line in streamed.lines)
            assert said == _ANSWER.format(n=number), said
            messages.append({"role": "assistant", "content": said})
            after = _counted(port, model)
            tokens = after[0] - before[0]
            yield Turn(streamed.first, tokens, tokens - (after[1] - before[1]))


def _figures(rounds: Sequence[list[Turn]], forgets: list[Turn]) -> list[Figure]:
    last = len(forgets) - 1
    second = median(turns[_SECOND].first for turns in rounds)
    end = median(turns[last].first for turns in rounds)
    ratio = median(turns[last].first / turns[_SECOND].first for turns in rounds)
    return [
        below(f"time to the first token, turn {last + 1} over turn 2", ratio, 1.3),
        told("  turn 2", second * 1e3, 1, " ms"),
        told(f"  turn {last + 1}", end * 1e3, 1, " ms"),
        told("  tokens of the prompt, turn 2", rounds[0][_SECOND].tokens, 0),
        told(f"  tokens of the prompt, turn {last + 1}", rounds[0][last].tokens, 0),
        told("  tokens that cost time, turn 2", rounds[0][_SECOND].fed, 0),
        told(f"  tokens that cost time, turn {last + 1}", rounds[0][last].fed, 0),
        told("on a build that keeps nothing, the same ratio", forgets[last].first / forgets[_SECOND].first),
        told(f"  turn {last + 1}", forgets[last].first * 1e3, 1, " ms"),
    ]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    demo = prepare_demo(load_settings({}, os.environ).demo_dir, python=sys.executable)
    tokenizer_folder = next(demo.parent.glob("*/tokenizer.json")).parent
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        descriptor = _describe(folder, tokenizer_folder, arguments.turns)
        log = folder / "services.log"
        llm, tokenizer = free_ports(2)
        ports = ("--port", str(llm), "--tokenizer-port", str(tokenizer))
        command = axm1("serve", "--descriptor", descriptor, *ports, "--max-loaded-models", "2")
        with running(command, log) as service:
            wait_for_port(llm, service, log)
            for model in ("keeps", "forgets"):  # loads what is not loaded yet
                list(_converse(llm, model, 1))
            began = time.monotonic()
            rounds = [list(_converse(llm, "keeps", arguments.turns)) for _ in range(arguments.rounds)]
            forgets = list(_converse(llm, "forgets", arguments.turns))
        print(table(_figures(rounds, forgets)))
        print(
            f"{arguments.rounds} conversations of {arguments.turns} turns, {time.monotonic() - began:.0f} s"
        )


if __name__ == "__main__":
    main()
