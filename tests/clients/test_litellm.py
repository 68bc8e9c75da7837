"""LiteLLM with both its providers for Ollama, and with the one for OpenAI, against the service."""

from __future__ import annotations

import pytest

from clients.clients import Environments, Results
from e2e.services import Service

pytestmark = pytest.mark.timeout(1600)  # the first test of a run may have to fetch the clients
_OLLAMAS = pytest.mark.parametrize("provider", ["ollama", "ollama_chat"])
_ALL = pytest.mark.parametrize("provider", ["ollama", "ollama_chat", "openai"])


@pytest.fixture(scope="module")
def results(environments: Environments, service: Service) -> Results:
    return environments.run("litellm", "litellm_client.py", service.url)


def _said(text: str) -> str:
    return text.removeprefix("### User:\n")


@_ALL
def test_the_real_model_answers_with_its_usage(results: Results, provider: str) -> None:
    answer = results["real"][provider]
    assert answer["tokens"] > 1
    # The oldest provider writes the roles into one prompt of its own, which is too much for so small a model.
    assert "Paris" in answer["text"] or provider == "ollama"


@_ALL
def test_an_answer_streams(results: Results, provider: str) -> None:
    assert _said(results["streams"][provider]) == "one two"


def test_more_context_than_there_is_may_be_asked_for(results: Results) -> None:
    assert results["aider_like"] == "hello"


def test_a_tool_is_called_and_its_result_is_used(results: Results) -> None:
    answer = results["tools"]
    assert answer["call"] == ["get_weather", {"city": "Paris"}]
    assert answer["answer"] == "It is 18 degrees in Paris."


@_OLLAMAS
def test_an_answer_has_the_form_that_was_asked_for(results: Results, provider: str) -> None:
    assert results["structured"][provider] == {"city": "Paris", "degrees": 18}


@_OLLAMAS
def test_thinking_is_apart_from_the_answer(results: Results, provider: str) -> None:
    text, thinking = results["thinking"][provider]
    assert (text.strip(), (thinking or "").strip()) == ("Four.", "Two and two.")


def test_what_a_model_can_do_is_found_out(results: Results) -> None:
    known = results["model_info"]
    assert known["smollm2:135m"]["context"] == 2048
    assert known["assistant"]["tools"] is True


@pytest.mark.parametrize("call", ["ollama", "ollama_chat", "embeddings"])
def test_what_cannot_be_is_refused(results: Results, call: str) -> None:
    words = "does not support embeddings" if call == "embeddings" else "not found"
    assert words in results["refusals"][call]["text"]


@_OLLAMAS
def test_the_async_calls_do_the_same(results: Results, provider: str) -> None:
    answer = results["async_variants"][provider]
    assert [_said(text) for text in answer["answers"]] == [f"number {number}" for number in range(3)]
    assert _said(answer["text"]) == "one two"


def test_a_client_that_leaves_frees_the_model(results: Results) -> None:
    assert results["cancel"]["seconds"] < 5  # the whole answer would have taken 25
