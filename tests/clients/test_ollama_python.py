"""The Python client of Ollama against the service."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from clients.clients import Environments, Results
from e2e.services import Service

# The first test of a run may have to fetch the clients.
pytestmark = pytest.mark.timeout(1600)


@pytest.fixture(scope="module")
def results(environments: Environments, service: Service) -> Results:
    return environments.run("python", "ollama_client.py", service.url)


def test_it_lists_every_model_with_all_that_ollama_tells(results: Results) -> None:
    models = {model["model"]: model for model in results["listing"]}
    assert set(models) >= {"smollm2:135m", "echo:latest", "assistant:latest"}
    assert all(len(model["digest"]) == 64 and model["size"] >= 0 for model in models.values())
    assert all(datetime.fromisoformat(model["modified"]).tzinfo for model in models.values())
    assert models["smollm2:135m"]["family"] == "llama"


def test_it_shows_a_model(results: Results) -> None:
    shown = results["show"]
    architecture = shown["info"]["general.architecture"]
    assert shown["info"][f"{architecture}.context_length"] == 2048
    assert shown["capabilities"] == ["completion"]
    assert "<|im_start|>" in shown["template"]
    assert shown["details"]["quantization_level"] == "Q4_1"
    assert "tools" in shown["tools"]
    assert "thinking" in shown["thinker"]


def test_the_real_model_answers(results: Results) -> None:
    answer = results["real_generate"]
    assert "Paris" in answer["text"]
    assert answer["done"] == "stop"
    assert answer["tokens"] > 1


def test_the_real_model_streams_a_chat_token_by_token(results: Results) -> None:
    answer = results["real_chat_streams"]
    assert "Paris" in answer["text"]
    assert answer["parts"] == answer["tokens"] + 1
    assert answer["done"] == [False] * answer["tokens"] + [True]
    assert 0 < answer["nanoseconds"] < 60e9


def test_a_chat_is_rendered_with_all_its_turns(results: Results) -> None:
    answer = results["chat_remembers"]
    assert (answer["role"], answer["text"]) == ("assistant", "And now?")
    assert answer["prompt"] > len("My number is 7.I see.And now?")


def test_an_answer_streams(results: Results) -> None:
    assert results["generate_streams"] == ["a", "b", "c", ""]


def test_a_tool_is_called_and_its_result_is_used(results: Results) -> None:
    answer = results["tools_round_trip"]
    assert answer["calls"] == [["get_weather", {"city": "Paris"}]]
    assert answer["said"].strip() == "I look."
    assert answer["done"] == "stop"
    assert (answer["answer"], answer["more"]) == ("It is 18 degrees in Paris.", None)


def test_two_calls_come_in_a_stream_behind_the_text_before_them(results: Results) -> None:
    answer = results["tools_stream"]
    assert answer["text"].strip() == "I look at both."
    assert [call[1:] for call in answer["calls"]] == [
        ["get_weather", {"city": "Paris"}],
        ["get_weather", {"city": "Rome"}],
    ]
    assert all(said >= len("I look at both.") for said, *_ in answer["calls"])


def test_a_broken_call_comes_as_text(results: Results) -> None:
    answer = results["broken_call_is_text"]
    assert answer["calls"] is None
    assert '{"name": "get_weather", "arg' in answer["text"]


def test_tools_are_refused_by_a_model_that_knows_none(results: Results) -> None:
    refusal = results["tools_refused"]
    assert refusal["status"] == 400
    assert "does not support tools" in refusal["text"]


def test_an_answer_has_the_form_that_was_asked_for(results: Results) -> None:
    assert json.loads(results["structured"]["text"]) == {"city": "Paris", "degrees": 18}
    assert json.loads(results["any_json"]) == {"any": ["thing", 1, None]}


def test_a_form_that_is_never_met_is_an_error_with_the_last_text(results: Results) -> None:
    refusal = results["structured_in_vain"]
    assert "warm" in refusal["text"]


def test_thinking_is_apart_from_the_answer(results: Results) -> None:
    thought, plain = results["thinking"]
    assert (thought["thinking"].strip(), thought["text"].strip()) == ("Two and two.", "Four.")
    assert (plain["thinking"] or "", plain["text"].strip()) == ("", "Four.")


def test_thinking_streams_before_the_answer(results: Results) -> None:
    answer = results["thinking_streams"]
    assert (answer["thinking"].strip(), answer["text"].strip()) == ("Two and two.", "Four.")
    assert answer["in order"]


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ("thinking_refused", "does not support thinking"),
        ("image_refused", "does not support"),
        ("wrong_option_type", 'option "num_predict" must be of type integer'),
    ],
)
def test_what_cannot_be_is_refused_in_ollamas_words(results: Results, scenario: str, words: str) -> None:
    refusal = results[scenario]
    assert refusal["status"] == 400
    assert words in refusal["text"]


@pytest.mark.parametrize("call", ["chat", "stream", "show", "delete"])
def test_an_unknown_model_is_not_found(results: Results, call: str) -> None:
    refusal = results["unknown_model"][call]
    assert (refusal["kind"], refusal["status"]) == ("ResponseError", 404)
    assert "model 'nope' not found" in refusal["text"]


@pytest.mark.parametrize("call", ["embed", "embeddings"])
def test_embeddings_are_refused(results: Results, call: str) -> None:
    refusal = results["embeddings_refused"][call]
    assert refusal["status"] == 400
    assert "does not support embeddings" in refusal["text"]


def test_a_copy_answers_under_its_name_until_it_is_deleted(results: Results) -> None:
    copy = results["copies"]
    assert (copy["copied"], copy["listed"], copy["answer"]) == ("success", True, "hello")
    assert (copy["deleted"], copy["gone"]) == ("success", True)


def test_a_model_of_the_descriptor_cannot_be_deleted(results: Results) -> None:
    refusal = results["copies"]["own"]
    assert 400 <= refusal["status"] < 500
    assert "descriptor" in refusal["text"]


def test_a_variant_has_a_system_prompt_and_parameters_of_its_own(results: Results) -> None:
    variants = results["variants"]
    assert variants["created"] == "success"
    assert variants["steps"][-1] == "success"
    assert (variants["whole"], variants["cut"], variants["reason"]) == ("A pirate.", "A pi", "length")
    assert ["num_predict", "4"] in [line.split() for line in variants["parameters"].splitlines()]


def test_what_cannot_be_fetched_or_sent_is_said(results: Results) -> None:
    answers = results["pull_and_push"]
    assert all(answer["status"] >= 400 and answer["text"] for answer in answers.values())


def test_a_model_stays_as_long_as_it_is_told(results: Results) -> None:
    told = results["keep_alive"]
    now = datetime.now(UTC)
    assert (told["load"], told["unload"], told["gone"]) == ("load", "unload", None)
    hour = datetime.fromisoformat(told["hour"])
    assert timedelta(minutes=55) < hour - now < timedelta(minutes=61)
    assert datetime.fromisoformat(told["ever"]) - now > timedelta(days=365)


def test_the_async_client_does_the_same(results: Results) -> None:
    answer = results["async_variants"]
    assert answer["models"] >= 5
    assert answer["answers"] == [f"number {number}" for number in range(4)]
    assert answer["text"] == "one two"


@pytest.mark.parametrize("scenario", ["cancel", "async_cancel"])
def test_a_client_that_leaves_frees_the_model(results: Results, scenario: str) -> None:
    # The whole answer would have taken 25 seconds.
    assert results[scenario]["seconds"] < 5
