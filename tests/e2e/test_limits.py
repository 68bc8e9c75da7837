"""Where an answer ends, and what is counted: `num_predict`, stops, the context, the prompt's limit."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from e2e.conftest import Serve
from e2e.models import Model
from e2e.services import Service, text_of
from tokenizer.tiny import tiny_ids

_CONTEXT = 96
_PREFILL = 48
_LONG = "".join(f"{number:03d}," for number in range(200))
_RULES = [
    {"match": "long story", "answer": _LONG},
    {"match": "three", "answer": "abc"},
    {"match": "alphabet", "answer": "abcdefghijklmnopqrstuvwxyz"},
    {"match": "emoji", "answer": "one 😀 two 😀😀 three"},
    {"match": "<.im_start.>system\nBe brief", "answer": "brief"},
    {"match": "<.im_start.>system\nBe kind", "answer": "kind"},
]


@pytest.fixture(scope="module")
def described(model: Callable[..., Model]) -> dict[str, Model]:
    """One model with a small context, one with a small prefill limit, one with a system prompt."""
    flags = {
        "sim": f"--sim_max_token_len {_CONTEXT}",
        "prefill": f"--sim_max_token_len 512 --sim_prefill {_PREFILL}",
        "roomy": "--sim_max_token_len 2048",
    }
    models = {
        name: model(more, "--sim_answers answers.json", name=name, run_on_startup=True)
        for name, more in flags.items()
    }
    models["roomy"].keys["system"] = "Be kind."
    for each in models.values():
        each.folder.mkdir()
        (each.folder / "answers.json").write_text(json.dumps(_RULES), "utf-8")
    return models


@pytest.fixture(scope="module")
def service(serve: Serve, described: dict[str, Model]) -> Service:
    return serve(*described.values())


@pytest.mark.parametrize("count", range(1, 13))
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_num_predict_gives_exactly_that_many_tokens(service: Service, count: int, stream: bool) -> None:  # noqa: FBT001 - a parameter of the test
    options = {"num_predict": count}
    if stream:
        lines = list(service.stream("alphabet", model="roomy", options=options))
        last, text = lines[-1], text_of(lines)
        assert len(lines) == count + 1
    else:
        last = service.ask("alphabet", model="roomy", options=options)
        text = last["response"]
    assert text == "abcdefghijklmnopqrstuvwxyz"[:count]
    assert (last["eval_count"], last["done_reason"]) == (count, "length")


def test_an_answer_shorter_than_num_predict_stops_by_itself(service: Service) -> None:
    answer = service.ask("three", model="roomy", options={"num_predict": 4})
    assert (answer["response"], answer["eval_count"], answer["done_reason"]) == ("abc", 3, "stop")


def test_a_negative_num_predict_is_no_limit(service: Service) -> None:
    answer = service.ask("alphabet", model="roomy", options={"num_predict": -1})
    assert (answer["eval_count"], answer["done_reason"]) == (26, "stop")


def test_counts_are_those_of_the_rendered_template(service: Service, described: dict[str, Model]) -> None:
    prompt, system = "Zähle 😀\nmit", "Du bist\nkurz."
    turns = f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{prompt}<|im_end|>\n"
    rendered = f"{turns}<|im_start|>assistant\n"
    folder = described["roomy"].folder
    answer = service.ask(prompt, model="roomy", system=system)
    assert answer["prompt_eval_count"] == len(tiny_ids(folder, rendered))
    assert answer["eval_count"] == len(tiny_ids(folder, prompt))


def test_the_durations_fit_together(service: Service) -> None:
    answer = service.ask("alphabet", model="roomy")
    parts = [answer[f"{name}_duration"] for name in ("load", "prompt_eval", "eval")]
    assert all(part >= 0 for part in parts)
    assert 0 < answer["eval_duration"] < answer["total_duration"]
    assert sum(parts) <= answer["total_duration"]


# The stand-in, like the vendor's program, does not print the last one or two tokens when the context is full.
@pytest.mark.parametrize("size", range(12, 18))
def test_a_full_context_loses_no_token(service: Service, size: int) -> None:
    prompt = "long story ".ljust(size, ".")
    answer = service.ask(prompt, raw=True)
    room = _CONTEXT - size + 1
    assert (answer["prompt_eval_count"], answer["eval_count"]) == (size, room)
    assert (answer["response"], answer["done_reason"]) == (_LONG[:room], "length")


def test_a_full_context_loses_no_token_of_a_stream(service: Service) -> None:
    lines = list(service.stream("long story", raw=True))
    assert text_of(lines) == _LONG[: _CONTEXT - 10 + 1]
    assert lines[-1]["done_reason"] == "length"


@pytest.mark.parametrize("spare", range(3, 7))
def test_an_answer_that_just_fits_the_context_has_stopped_by_itself(service: Service, spare: int) -> None:
    prompt = "x" * ((_CONTEXT - spare) // 2)
    answer = service.ask(prompt, raw=True)
    assert (answer["response"], answer["done_reason"]) == (prompt, "stop")


@pytest.mark.parametrize(("name", "limit"), [("sim", _CONTEXT - 1), ("prefill", _PREFILL)])
def test_a_prompt_that_is_too_long_is_refused_with_both_numbers(
    service: Service, name: str, limit: int
) -> None:
    fits = service.post("y" * limit, name, raw=True, options={"num_predict": 1})
    assert fits.status_code == 200, fits.text
    response = service.post("y" * (limit + 1), name, raw=True)
    assert response.status_code == 400
    error = response.json()["error"]
    assert f"{limit + 1} tokens" in error
    assert str(limit) in error
    assert service.status(name)["status"] == "ready"


@pytest.mark.parametrize(
    ("prompt", "stop", "expected"),
    [
        ("alphabet", "def", "abc"),
        ("alphabet", ["xyz", "mn"], "abcdefghijkl"),
        ("alphabet", ["a"], ""),
        ("alphabet", ["z"], "abcdefghijklmnopqrstuvwxy"),
        ("alphabet", ["acb", "zz"], "abcdefghijklmnopqrstuvwxyz"),
        ("emoji", ["😀😀"], "one 😀 two "),
        ("emoji", ["😀 three"], "one 😀 two 😀"),
    ],
)
def test_a_stop_sequence_ends_the_answer_before_it(
    service: Service, prompt: str, stop: str | list[str], expected: str
) -> None:
    answer = service.ask(prompt, model="roomy", options={"stop": stop})
    assert (answer["response"], answer["done_reason"]) == (expected, "stop")
    lines = list(service.stream(prompt, model="roomy", options={"stop": stop}))
    assert text_of(lines) == expected


def test_the_descriptors_system_prompt_is_used_unless_the_request_has_one(service: Service) -> None:
    assert service.ask("Who are you?", model="roomy")["response"] == "kind"
    assert service.ask("Who are you?", model="roomy", system="Be brief.")["response"] == "brief"
    assert service.ask("Who are you?", model="roomy", system="")["response"] == "kind"


def test_raw_contradicts_a_system_prompt(service: Service) -> None:
    response = service.post("hello", raw=True, system="Be brief.")
    assert response.status_code == 400
    assert response.json() == {"error": "raw mode does not support template, system, or context"}


def test_a_template_of_the_request_renders_its_prompt(service: Service) -> None:
    template = "{% for message in messages %}[INST]{{ message.content }}{% endfor %}[/INST]"
    answer = service.ask("hello", template=template)
    assert (answer["response"], answer["prompt_eval_count"]) == ("hello", len("[INST]hello[/INST]"))


@pytest.mark.parametrize("template", ["{% for %}", "{{ messages[9].content.x }}"])
def test_a_template_that_does_not_work_is_the_callers_error(service: Service, template: str) -> None:
    response = service.post("hello", template=template)
    assert response.status_code == 400, response.text
    assert service.ask("hello")["response"] == "hello"
