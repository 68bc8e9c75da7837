"""The demo: a real small model, without a card."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from e2e.services import PATIENCE, Service, free_port, text_of

_MODEL = "smollm2:135m"
_QUESTION = "What is the capital of France?"
_RENDERED = (
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
    f"<|im_start|>user\n{_QUESTION}<|im_end|>\n<|im_start|>assistant\n"
)


@pytest.fixture(scope="module")
def folder() -> Path:
    """Where the weights are kept from one run of the tests to the next: 98 MB are fetched once."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("AXM1_DEMO_DIR") or cache / "axm1-llm" / "demo")


@pytest.fixture(scope="module")
def demo(folder: Path) -> Iterator[Service]:
    fetching = 100.0  # seconds
    options = ("--tokenizer-port", str(free_port()), "--demo-dir", str(folder))
    with Service("demo", free_port(), *options) as service:
        yield service.started(PATIENCE + fetching)


def test_the_demo_knows_the_capital_of_france(demo: Service) -> None:
    lines = list(demo.stream(_QUESTION, _MODEL))
    assert "Paris" in text_of(lines)
    assert sum(not line["done"] for line in lines) == lines[-1]["eval_count"]
    assert lines[-1]["done_reason"] == "stop"


def test_the_counts_of_the_demo_are_those_of_the_models_own_tokenizer(demo: Service, folder: Path) -> None:
    file = next(folder.glob("*/tokenizer.json"))
    tokenizer = Tokenizer.from_file(str(file))
    answer = demo.ask(_QUESTION, _MODEL)
    assert answer["prompt_eval_count"] == len(tokenizer.encode(_RENDERED, add_special_tokens=False).ids)
    # An answer may be cut in more than one way; what the model did is what the vocabulary does with English.
    assert answer["eval_count"] == len(tokenizer.encode(answer["response"], add_special_tokens=False).ids)


def test_the_printed_curl_line_works(demo: Service) -> None:
    body = next(line.partition("-d '")[2].rstrip("'") for line in demo.log.splitlines() if "curl" in line)
    response = demo.http.post("/api/generate", content=body, headers={"Content-Type": "text/plain"})
    assert response.status_code == 200
    assert json.loads(response.text.splitlines()[-1])["done"]


def test_num_predict_is_exact_with_the_real_model(demo: Service) -> None:
    answer = demo.ask("Tell me a long story.", _MODEL, options={"num_predict": 10})
    assert (answer["eval_count"], answer["done_reason"]) == (10, "length")
