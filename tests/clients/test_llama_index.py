"""LlamaIndex's model for Ollama against the service."""

from __future__ import annotations

import pytest

from clients.clients import Environments, Results
from e2e.services import Service

pytestmark = pytest.mark.timeout(1600)  # the first test of a run may have to fetch the clients


@pytest.fixture(scope="module")
def results(environments: Environments, service: Service) -> Results:
    return environments.run("python", "llama_index_client.py", service.url)


def test_the_real_model_answers(results: Results) -> None:
    assert "Paris" in results["real"]["text"]
    assert results["real"]["tokens"] > 1


def test_the_context_window_is_that_of_the_model(results: Results) -> None:
    assert results["context_window"] == 2048


def test_a_chat_is_answered(results: Results) -> None:
    assert results["chat"] == {"text": "hello", "role": "assistant"}


def test_a_chat_streams(results: Results) -> None:
    assert results["stream"]["text"] == "one two"
    assert results["stream"]["parts"] >= len("one two")


def test_a_tool_is_called_and_its_result_is_used(results: Results) -> None:
    answer = results["tools"]
    assert answer["calls"] == [["get_weather", {"city": "Paris"}]]
    assert answer["answer"] == "It is 18 degrees in Paris."


def test_an_answer_becomes_an_object(results: Results) -> None:
    assert results["structured"] == {"city": "Paris", "degrees": 18}


def test_thinking_is_a_block_of_its_own(results: Results) -> None:
    blocks = results["thinking"]
    assert (blocks["thinking"].strip(), blocks["text"].strip()) == ("Two and two.", "Four.")


def test_the_async_calls_do_the_same(results: Results) -> None:
    answer = results["async_variants"]
    assert answer["answers"] == [f"number {number}" for number in range(4)]
    assert answer["text"] == "one two"


def test_an_unknown_model_is_not_found(results: Results) -> None:
    refusal = results["unknown_model"]
    assert refusal["status"] == 404
    assert "model 'nope' not found" in refusal["text"]
