from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from axm1_llm.cli.bench.measuring import Run, Spread, measure, prompt_maker
from axm1_llm.cli.client import Client, ServiceError
from axm1_llm.cli.exits import Exit
from cli.fake_service import FIGURES, FakeService, Reply, answer, end, report
from cli.programs import axm1

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNT = "/v1/messages/count_tokens"
LOGS = "/api/logs/m?lines=5"


@pytest.fixture
def client(service: FakeService) -> Iterator[Client]:
    service.answer("/api/generate", answer("a", "b", "c"))
    service.answer(LOGS, Reply(body=b"ready\nhit eos,avg 96.85 token/s\n"))
    with Client(service.url) as client:
        yield client


def test_a_prompt_is_as_long_as_the_tokenizer_says(service: FakeService, client: Client) -> None:
    # 20 tokens of a template, 2 for each word
    service.answer(COUNT, Reply(body={"input_tokens": 22}), Reply(body={"input_tokens": 222}))
    make = prompt_maker(client, "m")
    assert [len(make(tokens).split()) for tokens in (1, 32, 128)] == [1, 6, 54]


def test_without_a_tokenizer_to_ask_a_word_is_a_token_and_a_third(
    service: FakeService, client: Client
) -> None:
    service.answer(COUNT, Reply(400, {"error": "no"}))
    assert 90 <= len(prompt_maker(client, "m")(133).split()) <= 110


def test_no_two_prompts_begin_alike(service: FakeService, client: Client) -> None:
    service.answer(COUNT, Reply(400, {"error": "no"}))
    make = prompt_maker(client, "m")
    assert len({make(9).split()[0] for _ in range(5)}) > 1


def test_a_run_has_the_figures_of_client_service_and_runtime(client: Client) -> None:
    run = measure(client, "m", "hi", 16)
    assert (run.prompt_tokens, run.tokens) == (FIGURES["prompt_eval_count"], FIGURES["eval_count"])
    assert run.service_first == pytest.approx(0.2625)  # load and prompt evaluation
    assert run.service_speed == pytest.approx(18.0)  # 9 tokens after the first one, in half a second
    assert run.runtime_speed == 96.85
    assert run.added == pytest.approx(run.first_token - 0.2625)


def test_a_model_that_says_nothing_cannot_be_measured(service: FakeService, client: Client) -> None:
    service.answer("/api/generate", Reply(stream=[end()]))
    with pytest.raises(ServiceError, match="no answer to measure"):
        measure(client, "m", "hi", 16)


def test_the_middle_and_the_spread_leave_out_what_is_not_known() -> None:
    assert Spread.of([3.0, None, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)
    assert Spread.of([None]) is None


def test_a_row_for_each_length_that_the_context_has_room_for(service: FakeService, client: Client) -> None:
    service.answer(COUNT, Reply(400, {"error": "no"}))
    service.answer("/api/status/m", Reply(body=report("m", context_length=1000)))
    arguments = ("bench", "m", "--lengths", "32,999", "--repeat", "2", "--host", client.url)
    done = axm1(*arguments)
    assert done.returncode == 0
    assert done.stdout.decode().splitlines()[1].split() == [
        "PROMPT", "FIRST", "TOKEN", "TOKENS/S", "ADDED", "SERVICE", "RUNTIME",
    ]  # fmt: skip
    assert len(done.stdout.decode().splitlines()) == 3
    assert b"999: left out, the context has 1000 tokens" in done.stderr
    found: dict[str, Any] = json.loads(axm1(*arguments, "--json").stdout)
    (length,) = found["lengths"]
    assert (found["model"], length["asked_tokens"], len(length["runs"])) == ("m", 32, 2)
    assert length["runs"][0].keys() == set(Run.__dataclass_fields__)
    assert length["first_token_seconds"]["least"] <= length["first_token_seconds"]["median"]


@pytest.mark.parametrize("lengths", ["", "0", "-1", "many", "3,,4"])
def test_lengths_that_are_none_are_a_usage_error(service: FakeService, lengths: str) -> None:
    done = axm1("bench", "m", f"--lengths={lengths}", "--host", service.url)
    assert (done.returncode, service.asked) == (Exit.USAGE, [])
