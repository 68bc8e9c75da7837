"""LangChain's models for Ollama and OpenAI against the service."""

from __future__ import annotations

import pytest

from clients.clients import Environments, Results
from e2e.services import Service

pytestmark = pytest.mark.timeout(1600)  # the first test of a run may have to fetch the clients
_BOTH = pytest.mark.parametrize("kind", ["ollama", "openai"])


@pytest.fixture(scope="module")
def results(environments: Environments, service: Service) -> Results:
    return environments.run("python", "langchain_client.py", service.url)


@_BOTH
def test_the_real_model_answers_with_its_usage(results: Results, kind: str) -> None:
    answer = results[f"{kind}_real"]
    assert "Paris" in answer["text"]
    assert (answer["reason"], answer["model"]) == ("stop", "smollm2:135m")
    assert answer["usage"]["input_tokens"] > 10
    assert answer["usage"]["output_tokens"] > 1


@_BOTH
def test_an_answer_streams_with_its_usage(results: Results, kind: str) -> None:
    answer = results[f"{kind}_stream"]
    assert (answer["text"], answer["usage"]["output_tokens"]) == ("one two", len("one two"))
    assert answer["chunks"] > len("one two")


@_BOTH
def test_a_tool_is_called_and_its_result_is_used(results: Results, kind: str) -> None:
    answer = results[f"{kind}_tools"]
    assert answer["calls"] == [["get_weather", {"city": "Paris"}]]
    assert (answer["answer"], answer["invalid"]) == ("It is 18 degrees in Paris.", [])


def test_an_answer_becomes_an_object(results: Results) -> None:
    wanted = {"city": "Paris", "degrees": 18}
    assert results["ollama_structured"] == wanted
    assert results["openai_structured"] == {"json_schema": wanted, "json_mode": wanted}


def test_a_load_and_a_completion_pass(results: Results) -> None:
    assert results["ollama_loads_first"] == {"load": "hello", "completion": "hello"}


def test_thinking_is_apart_from_the_answer(results: Results) -> None:
    answer = results["ollama_thinking"]
    assert (answer["thinking"].strip(), answer["text"].strip()) == ("Two and two.", "Four.")


def test_the_responses_api_does_the_same(results: Results) -> None:
    answer = results["openai_responses"]
    assert answer["calls"] == [["get_weather", {"city": "Paris"}]]
    assert (answer["answer"], answer["plain"]) == ("It is 18 degrees in Paris.", "hello")


@_BOTH
def test_the_async_calls_do_the_same(results: Results, kind: str) -> None:
    answer = results[f"{kind}_async"]
    assert answer["answers"] == [f"number {number}" for number in range(4)]
    assert answer["text"] == "one two"


@_BOTH
def test_what_cannot_be_is_refused(results: Results, kind: str) -> None:
    refusals = results[f"{kind}_refusals"]
    assert "nope" in refusals["unknown"]["text"]
    assert refusals["embeddings"]["status"] == 400
    assert "does not support embeddings" in refusals["embeddings"]["text"]


def test_tools_are_refused_by_a_model_that_knows_none(results: Results) -> None:
    assert "does not support tools" in results["ollama_refusals"]["tools"]["text"]


def test_a_client_that_leaves_frees_the_model(results: Results) -> None:
    assert results["cancel"]["seconds"] < 5  # the whole answer would have taken 25
