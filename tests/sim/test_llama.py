"""Answers of a real llama.cpp, with a model of random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from axm1_llm.sim.llama import sampling
from sim.byte_tokenizer import ByteTokenizer
from sim.runs import Run
from sim.scenarios import MARK, usual_flags
from sim.tiny_gguf import write_tiny_gguf

Start = Callable[..., Run]


@pytest.fixture
def model(tmp_path: Path) -> str:
    write_tiny_gguf(tmp_path / "tiny.gguf")
    return "tiny.gguf"


def test_ids_go_in_and_ids_come_out(
    start: Start, tokenizer: ByteTokenizer, model: str, tmp_path: Path
) -> None:
    more = {"sim_gguf": model, "sim_max_token_len": "64", "sim_threads": "1"}
    run = start(*usual_flags(tokenizer, tmp_path, more))
    for count in (1, 2):
        run.read_until(b">> ", count=count)
        run.write(b"hello\n")
        run.read_until(b"hit eos,avg", count=count)
    run.finish()

    whole = [body["token_ids"] for body in tokenizer.bodies("decode") if len(body["token_ids"]) > 3]
    assert len(whole) == 2
    assert whole[0] == whole[1]  # the likeliest token each time, as no post_config.json says otherwise
    assert len(whole[0]) == 64 - len(b"hello") + 1


def test_an_interrupt_stops_the_model_at_once(
    start: Start, tokenizer: ByteTokenizer, model: str, tmp_path: Path
) -> None:
    more = {"sim_gguf": model, "sim_max_token_len": "20000", "sim_threads": "1"}
    run = start(*usual_flags(tokenizer, tmp_path, more))
    run.read_until(MARK)
    run.write(b"hello\n")
    while not tokenizer.bodies("decode"):
        run.read_once(0.05)
    run.interrupt()
    run.read_until(b"hit eos,avg")

    assert len(tokenizer.bodies("decode")[-1]["token_ids"]) < 19_000
    run.finish()


def test_a_built_in_tokenizer_uses_the_models_vocabulary(
    start: Start, tokenizer: ByteTokenizer, model: str, tmp_path: Path
) -> None:
    more = {"sim_gguf": model, "tokenizer_type": "1", "sim_max_token_len": "64", "sim_threads": "1"}
    run = start(*usual_flags(tokenizer, tmp_path, more))
    run.read_until(MARK)
    run.write(b"hello\n")
    run.read_until(b"hit eos,avg")

    run.finish()
    assert tokenizer.calls == []


def test_sampling_follows_post_config() -> None:
    assert sampling(None) == {"temperature": 0.0}
    assert sampling(
        {
            "enable_temperature": True,
            "temperature": 0.7,
            "enable_top_k_sampling": True,
            "top_k": 5,
            "enable_top_p_sampling": False,
            "top_p": 0.8,
            "enable_repetition_penalty": True,
            "repetition_penalty": 1.1,
            "penalty_window": 9,
        }
    ) == {
        "temperature": 0.7,
        "top_k": 5,
        "top_p": 1.0,
        "min_p": 0.0,
        "repeat_penalty": 1.1,
        "repeat_last_n": 9,
    }
