"""Prompts and answers of every kind through the whole stack: what comes out is what went in."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from e2e.conftest import Serve
from e2e.models import Model
from e2e.services import Service, text_of

_END_LINE = f"\n\n\x1b[1;30;35m[N][{'Run':>32}][ 410]: hit eos,avg 96.85 token/s\n\x1b[0m\nprompt >> >> "
_ANSWERS = {
    "mark": ">> \n>> prompt >> \nimage >> q\n",
    "end words": "So it says: hit eos,avg 3 token/s\n>> \nand goes on.",
    "end line": f"Before.{_END_LINE}After.",
    "log line": f"\x1b[1;30;32m[I][{'Init':>32}][ 292]: LLM init ok\x1b[0m \nlLaMa.Init failed\n",
    "controls": "STX \x02 ETX \x03 DLE \x10 escaped \x10B\x10? NUL \x00 BEL \x07 \x1b[0m \x7f CR \r\n end",
    "frame": "\x02framed\x03\x02\x10?\x03",
    "thinking": "It closes </think> what it never opened, and speaks of <think> later.",
    "borders": "a😀b👩‍👩‍👧‍👦cé日本語🇩🇪 ende\u0301\u00a0\ufeff!",
    "replacement": "real replacement characters: \ufffd\ufffd and one more \ufffd",
    "spaces": "  two before,\n\n\n three lines,\ttab, and two behind  ",
    "json": '{"error": "no error", "done": true}\n{"response": "\\u0041"}\n',
    "one token": "x",
    "long line": "z" * 3000,
}


@pytest.fixture(scope="module")
def service(serve: Serve, model: Callable[..., Model]) -> Service:
    tiny = model("--sim_max_token_len 16384", "--sim_answers answers.json")
    tiny.folder.mkdir()
    rules = [{"match": f"say <{name}>", "answer": answer} for name, answer in _ANSWERS.items()]
    (tiny.folder / "answers.json").write_text(json.dumps(rules), "utf-8")
    return serve(tiny)


# The stand-in answers with what the user said last, without white space around it.
@pytest.mark.parametrize(
    "prompt",
    [
        *("q", "reset", "dd", "pp", ">> ", "prompt >> ", "exit", "quit", "--help", "\x03"),
        "one\ntwo\r\nthree\n\nfive",
        "\n\n",
        "first\n\nq\n\nlast",
        "axm1-ticket-00000000000000000000000000000000",
        "Was kostet 1 €? 😀👩‍👩‍👧‍👦 你好，世界！ 🇩🇪",
        "\x02\x03\x10 and \x00 and \x1b[0m",
        "\u2028\u2029\x85\x0b\x0c lines of Unicode",
        "lorem ipsum " * 416 + "12345678",
    ],
    ids=lambda prompt: repr(prompt[:20]),
)
def test_each_prompt_gets_its_own_answer(service: Service, prompt: str) -> None:
    answer = service.ask(prompt)
    assert answer["response"] == prompt.strip()
    assert answer["done_reason"] == "stop"
    assert answer["eval_count"] == len(prompt.strip().encode())


def test_a_raw_prompt_reaches_the_model_to_the_last_white_space(service: Service) -> None:
    prompt = " \n q\n\n\t "
    answer = service.ask(prompt, raw=True)
    assert (answer["response"], answer["prompt_eval_count"]) == (prompt, len(prompt))


@pytest.mark.parametrize("name", _ANSWERS)
def test_an_answer_arrives_byte_for_byte(service: Service, name: str) -> None:
    answer = service.ask(f"say <{name}>")
    assert answer["response"] == _ANSWERS[name]
    assert answer["done_reason"] == "stop"


@pytest.mark.parametrize("name", _ANSWERS)
def test_a_streamed_answer_arrives_byte_for_byte(service: Service, name: str) -> None:
    lines = list(service.stream(f"say <{name}>"))
    assert text_of(lines) == _ANSWERS[name]
    assert all("\ufffd" not in line["response"] for line in lines) or name == "replacement"
    assert lines[-1]["done_reason"] == "stop"


def test_a_streamed_answer_comes_token_by_token(service: Service) -> None:
    lines = list(service.stream("abcdef"))
    assert [line["response"] for line in lines] == ["a", "b", "c", "d", "e", "f", ""]
    assert [line["done"] for line in lines] == [False] * 6 + [True]


def test_many_clients_at_once_get_each_their_own_answer(service: Service) -> None:
    prompts = [f"client {number} says {'é😀'[number % 2]}" for number in range(24)]
    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(service.ask, prompts))
    assert [answer["response"] for answer in answers] == prompts
    assert service.status()["queue_length"] == 0


def test_every_prompt_left_the_model_as_it_was(service: Service) -> None:
    status = service.status()
    assert (status["status"], status["failure"]) == ("ready", None)
    assert {transition["to"] for transition in status["transitions"]} <= {
        *("processing_prompt", "outputting", "ready"),
    }
