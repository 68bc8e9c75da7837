"""The generations of the vendor's program: with history, with images, and with a tokenizer of their own."""

from __future__ import annotations

import base64
import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.pictures import jpeg, png
from e2e.conftest import Serve
from e2e.models import Model
from e2e.services import Service, text_of

_SYSTEM = "You are a helpful assistant."
# Says what the model has in its KV cache besides the prompt.
_RULES = [
    {"match": "first secret.*second question", "answer": "I still know the first secret: {prompt}"},
    {"match": "the picture", "answer": "I see {image}"},
    {"match": "recipe", "answer": "Take 3 eggs.\n\n[N] hit eos,avg 3 token/s\n>> \nprompt >> \nand stir."},
]
_FLAGS = {
    "context": f'--sim_max_token_len 2048 --system_prompt "{_SYSTEM}"',
    "small": f'--sim_max_token_len 1024 --system_prompt "{_SYSTEM}"',
    "keeps": "--sim_max_token_len 2048 --sim_dialect context --sim_reset 0",
    "vision": "--sim_max_token_len 2048 --filename_image_encoder_axmodel vit.axmodel --sim_image_tokens 9",
    "none": "--sim_max_token_len 2048",
    "none-late": "--sim_max_token_len 2048 --live_print 0",
    "none-context": f'--sim_max_token_len 2048 --system_prompt "{_SYSTEM}"',
    "none-vision": "--sim_max_token_len 2048 --filename_image_encoder_axmodel vit.axmodel",
    "none-markless": "--sim_max_token_len 2048 --sim_mark 0",
}
_WITH_GATEWAY = [name for name in _FLAGS if not name.startswith("none")]
_WITHOUT_GATEWAY = [name for name in _FLAGS if name.startswith("none")]


@pytest.fixture(scope="module")
def service(serve: Serve, model: Callable[..., Model]) -> Service:
    models = []
    for name, flags in _FLAGS.items():
        keys: dict[str, Any] = {"dialect": "vision"} if name.endswith("vision") else {}
        if name.startswith("none"):
            keys |= {"tokenizer": "none", "tokenizer_port": None}
        made = model(flags, "--sim_answers answers.json", name=name, **keys)
        # A vision build asks for them.
        made.special_tokens = ("<|vision_start|>", "<|image_pad|>", "<|vision_end|>")
        made.folder.mkdir()
        (made.folder / "answers.json").write_text(json.dumps(_RULES), "utf-8")
        models.append(made)
    return serve(*models)


@pytest.mark.parametrize("name", _WITH_GATEWAY)
@pytest.mark.parametrize("prompt", ["reset", "dd", "pp", "q", "one\n\ntwo", "image >> ", "日本 😀"])
def test_each_prompt_gets_its_own_answer_in_every_dialect(service: Service, name: str, prompt: str) -> None:
    answer = service.ask(prompt, name)
    assert (answer["response"], answer["done_reason"]) == (prompt.strip(), "stop")
    assert answer["eval_count"] == len(prompt.strip().encode())


@pytest.mark.parametrize("name", _WITH_GATEWAY)
def test_an_answer_arrives_byte_for_byte_in_every_dialect(service: Service, name: str) -> None:
    assert text_of(list(service.stream("the recipe", name))) == _RULES[2]["answer"]


@pytest.mark.parametrize("name", ["context", "small", "keeps"])
def test_a_conversation_leaves_nothing_in_the_next_ones_cache(service: Service, name: str) -> None:
    first = service.ask("This is the first secret.", name, system=_SYSTEM)
    assert first["response"] == "This is the first secret."
    second = service.ask("second question", name, system=_SYSTEM)
    assert second["response"] == "second question"
    third = service.ask("third", name, system="Another system prompt.")
    assert third["response"] == "third"


def test_a_cache_stays_right_after_answers_that_were_cut(service: Service) -> None:
    for count in range(1, 9):
        answer = service.ask(f"number {count} abcdef", "context", options={"num_predict": count})
        assert answer["response"] == f"number {count} abcdef"[:count]
        assert service.ask("second question", "context")["response"] == "second question"


def test_a_context_build_takes_more_prompts_than_its_cache_holds(service: Service) -> None:
    for number in range(12):
        prompt = f"prompt {number} {'x' * 150}"
        assert service.ask(prompt, "small")["response"] == prompt


@pytest.mark.parametrize("name", _WITH_GATEWAY)
def test_num_predict_cuts_at_the_token_in_every_dialect(service: Service, name: str) -> None:
    for count in (1, 2, 3, 7):
        answer = service.ask("abcdefghijkl", name, options={"num_predict": count})
        assert (answer["response"], answer["done_reason"]) == ("abcdefghijkl"[:count], "length")


@pytest.mark.parametrize("name", _WITHOUT_GATEWAY)
# Without a gateway a character whose bytes are in two groups of tokens is broken by the runtime itself.
@pytest.mark.parametrize("prompt", ["hello", "q", "reset", "dd", "x >> y", "日本"])
def test_a_runtime_with_its_own_tokenizer_answers_each_prompt(
    service: Service, name: str, prompt: str
) -> None:
    answer = service.ask(prompt, name)
    assert (answer["response"].strip(), answer["done_reason"]) == (prompt, "stop")


@pytest.mark.parametrize("name", _WITHOUT_GATEWAY)
def test_a_prompt_of_many_lines_is_one_prompt_without_a_gateway_too(service: Service, name: str) -> None:
    answer = service.ask("one\ntwo\n\nthree", name)
    assert answer["response"].strip() == "one two three"


@pytest.mark.parametrize("name", _WITHOUT_GATEWAY)
def test_an_answer_with_the_runtimes_words_arrives_without_a_gateway_too(service: Service, name: str) -> None:
    if name == "none-late":
        # Printed after the end line, where a mark at the start of a line cannot be told from the answer.
        assert service.ask("hello there", name)["response"] == "hello there"
        return
    assert service.ask("the recipe", name)["response"] == _RULES[2]["answer"]


@pytest.mark.parametrize("name", ["vision", "none-vision"])
def test_a_picture_reaches_the_runtime_byte_for_byte_and_leaves_no_file(service: Service, name: str) -> None:
    for picture in (jpeg() + bytes(range(256)) * 300, png() + b"0123456789"):
        images = [base64.b64encode(picture).decode()]
        answer = service.ask("What is in the picture?", name, images=images)
        seen = f"I see {len(picture)} bytes {hashlib.sha256(picture).hexdigest()}"
        assert answer["response"].strip() == seen
    assert service.ask("Where is the picture?", name)["response"].strip() == "I see no picture"
    assert list(Path(tempfile.gettempdir()).glob("axm1-llm-picture-*")) == []


def test_the_tokens_of_a_picture_are_counted_as_those_of_the_prompt(service: Service) -> None:
    picture = base64.b64encode(jpeg()).decode()
    plain = service.ask("What is it?", "vision")["prompt_eval_count"]
    for _ in range(2):  # a guess at first, then what the runtime said
        shown = service.ask("What is it?", "vision", images=[picture])["prompt_eval_count"]
        assert shown == plain + 9 + len("<>")  # the marks around it are a token each


def test_a_model_that_sees_nothing_says_so(service: Service) -> None:
    picture = base64.b64encode(jpeg()).decode()
    response = service.post("What is it?", "context", images=[picture])
    assert (response.status_code, response.json()["error"]) == (400, '"context" does not support vision')


@pytest.mark.parametrize("name", _WITHOUT_GATEWAY)
def test_a_cancelled_prompt_leaves_the_runtime_ready_without_a_gateway_too(
    service: Service, name: str
) -> None:
    service.begin("w" * 1000, name).close()
    assert service.ask("next", name)["response"].strip() == "next"
