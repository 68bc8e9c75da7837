"""The runs that the golden files hold: how each is started, and what is typed into it.

Everything here is deterministic but for times, which `sim.runs.masked` takes out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sim.byte_tokenizer import ByteTokenizer
    from sim.runs import Run

# The answer in the recordings of the vendor's own program: emoji over group borders, and what fools a parser.
TEXT = "Hello 世界 😀 and 👩🏽! A line.\nhit eos,avg 3 token/s\n<think>no</think> >> done"
TRICKY = (
    "a\n>> \x1b[1;30;35m[N][                             Run][ 410]: hit eos,avg 3.00 token/s\n\x1b[0m\n>> b"
    "\n\nprompt >> \rC\x07[I][x][ 1]: LLM init ok\n 11% | █"
)
RULES = (
    {"match": "^again", "answer": TEXT.partition("😀")[2]},
    {"match": "^hello|^zwei|^line|^first", "answer": TEXT},
    {"match": "tricky", "answer": TRICKY},
    {"match": "^empty", "answer": ""},
    {"match": "^short", "answer": "ok"},
)
MARK = b"\n>> "
_CONFIG = '{"enable_temperature": true, "temperature": 0.9, "top_k": 10}'


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run.

    Attributes:
        flags: beside the usual ones; None takes a usual one out.
        typed: what happens while it runs; afterwards its output is read to the end.
        code: its exit code; negative: the signal it dies of.
        frames: whether the tokenizer frames each token.
        recording: name of the recording of the vendor's program with the same bytes.
    """

    flags: Mapping[str, str | None] = field(default_factory=dict)
    typed: Callable[[Run, ByteTokenizer], None] = lambda _run, _tokenizer: None
    code: int = 0
    frames: bool = False
    recording: str | None = None


def usual_flags(tokenizer: ByteTokenizer, folder: Path, more: Mapping[str, str | None]) -> list[str]:
    """Flags of the recordings, and the answers to their prompts."""
    (folder / "answers.json").write_text(json.dumps(RULES))
    (folder / "config.json").write_text(_CONFIG)
    values: dict[str, str | None] = {
        "template_filename_axmodel": "m/l%d.axmodel",
        "axmodel_num": "6",
        "tokenizer_type": "2",
        "filename_tokenizer_model": tokenizer.url,
        "live_print": "1",
        "continue": "1",
        "prompt": "",
        "sim_kv_cache_size": "8",
        "sim_answers": "answers.json",
        **more,
    }
    return [part for name, value in values.items() if value is not None for part in (f"--{name}", value)]


def prompts(*lines: str, mark: bytes = MARK) -> Callable[[Run, ByteTokenizer], None]:
    """Type the lines, each when the mark after the one before has come, and then ``q``."""

    def typed(run: Run, _: ByteTokenizer) -> None:
        for count, line in enumerate((*lines, "q"), start=1):
            run.read_until(mark, count=count)
            run.write(f"{line}\n".encode())

    return typed


def _multiline(run: Run, _: ByteTokenizer) -> None:
    run.read_until(MARK)
    run.write(b"line one\nline two\n")
    run.read_until(MARK, count=2)
    run.write(b"\n")
    run.read_until(b"\n>> >> ")
    run.write(b"q\n")


def _sigint(run: Run, _: ByteTokenizer) -> None:
    run.read_until(MARK)
    run.write(b"hello\n")
    run.read_until(" \ufffd".encode())
    run.interrupt()
    run.read_until(MARK, count=2)
    run.write(b"again\nq\n")


def _tokenizer_dies(run: Run, tokenizer: ByteTokenizer) -> None:
    run.read_until(MARK)
    run.write(b"hello\n")
    run.read_until(b"! A")
    tokenizer.stop()


def _invalid_utf8(run: Run, _: ByteTokenizer) -> None:
    run.read_until(MARK)
    run.write(b"caf\xe9\n")


def _markless(run: Run, _: ByteTokenizer) -> None:
    run.read_until(b"to stop current running\n")
    run.write(b"hello\n")
    run.read_until(b"token/s\n\x1b[0m\n")
    run.write(b"short\nq\n")


def _one_prompt(run: Run, _: ByteTokenizer) -> None:
    run.read_until(MARK)
    run.write(b"hello\n")


def _vision(run: Run, _: ByteTokenizer) -> None:
    lines = [
        b"hello\n",
        b"\n",
        b"short\n",
        b"none.jpg\n",
        b"short\n",
        b"answers.json\n",
        b"short\n",
        b"video:.\n",
    ]
    for place, line in enumerate(lines):
        run.read_until(b"image >> " if place % 2 else b"\nprompt >> ", count=place // 2 + 1)
        run.write(line)
    run.read_until(b"\nprompt >> ", count=5)
    run.write(b"\nq\n")


_CONTEXT = {"system_prompt": "Be brief.", "prompt": None, "continue": None}
_CONTEXT_MARK = b"prompt >> "


def _failure(fault: str, code: int = 255) -> Scenario:
    return Scenario({"sim_fault": fault}, code=code)


SCENARIOS: dict[str, Scenario] = {
    "plain_ok": Scenario(typed=prompts("hello", "zwei Wörter"), recording="ok"),
    "plain_multiline": Scenario(typed=_multiline, recording="multiline"),
    "plain_sigint": Scenario({"sim_tokens_per_second": "15"}, typed=_sigint, recording="sigint"),
    "plain_context_full": Scenario({"sim_max_token_len": "40"}, typed=prompts("hello"), recording="ctx_full"),
    "plain_initial_prompt": Scenario({"prompt": "first"}, typed=prompts(), recording="initial_prompt"),
    "plain_layer_failed": Scenario({"sim_fault": "layer_failed=0"}, code=255, recording="layer_fail"),
    "plain_tokenizer_dies": Scenario(
        {"sim_tokens_per_second": "15"}, typed=_tokenizer_dies, code=-11, recording="tokenizer_dies"
    ),
    "plain_tokenizer_unreachable": Scenario(
        {"filename_tokenizer_model": "http://localhost:1", "sim_connect_ms": "0"},
        code=255,
        recording="tokenizer_unreachable",
    ),
    "plain_tricky": Scenario(typed=prompts("short", "empty", "tricky")),
    "plain_framed": Scenario(typed=prompts("short", "empty", "plain words"), frames=True),
    "plain_live_print_0": Scenario({"live_print": "0"}, typed=prompts("hello", "short", "empty")),
    "plain_live_print_0_token_bar": Scenario(
        {"live_print": "0", "sim_token_bar": "1"}, typed=prompts("short")
    ),
    "plain_prefill": Scenario({"sim_prefill": "128"}, typed=prompts("hello", "empty", "x" * 300)),
    "plain_config": Scenario({"post_config_path": "config.json"}, typed=prompts("short")),
    "plain_two_cards": Scenario({"devices": "0,1", "sim_layer_mb": "1000"}, typed=prompts("short")),
    "plain_invalid_utf8_prompt": Scenario(typed=_invalid_utf8, code=-6),
    "plain_invalid_utf8_answer": Scenario({"sim_fault": "invalid_utf8@output=3"}, typed=prompts("hello")),
    "plain_endless_output": Scenario(
        {"sim_fault": "endless_output", "sim_max_token_len": "60"}, typed=prompts("short")
    ),
    "plain_segfault": Scenario({"sim_fault": "segfault@output=6"}, typed=_one_prompt, code=-11),
    "builtin": Scenario({"tokenizer_type": "0"}, typed=prompts("hello", "short", "tricky")),
    "builtin_markless": Scenario({"tokenizer_type": "1", "sim_mark": "0"}, typed=_markless),
    "context": Scenario(
        _CONTEXT, typed=prompts("hello", "short", "dd", "pp", "reset", "short", mark=_CONTEXT_MARK)
    ),
    "context_kvcache_path": Scenario(
        {**_CONTEXT, "kvcache_path": "./kvcache"}, typed=prompts("short", mark=_CONTEXT_MARK)
    ),
    "context_framed": Scenario(_CONTEXT, typed=prompts("short", mark=_CONTEXT_MARK), frames=True),
    "context_full": Scenario(
        {**_CONTEXT, "sim_max_token_len": "300"},
        typed=prompts("w" * 110, "hello", "x" * 100, "y" * 200, "z" * 70, mark=_CONTEXT_MARK),
    ),
    "vision": Scenario({"filename_image_encoder_axmodel": "m/vit.axmodel"}, typed=_vision),
    "fails_no_card": _failure("no_card"),
    "fails_device": _failure("device_failed"),
    "fails_tokenizer": _failure("tokenizer_failed"),
    "fails_embed": _failure("embed_missing"),
    "fails_layer": _failure("layer_failed=4"),
    "fails_post": _failure("post_failed"),
    "fails_cmm_short": _failure("cmm_short=2"),
    "fails_init": _failure("init_failed"),
    "fails_silently": _failure("exit=1@loading=3", code=1),
}
