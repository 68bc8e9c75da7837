"""The JavaScript clients of Ollama and OpenAI against the service."""

from __future__ import annotations

import pytest

from clients.clients import Environments, Results
from e2e.services import Service

pytestmark = pytest.mark.timeout(1600)  # the first test of a run may have to fetch the clients


@pytest.fixture(scope="module")
def ollama(environments: Environments, service: Service) -> Results:
    return environments.run("javascript", "ollama_client.mjs", service.url)


@pytest.fixture(scope="module")
def openai(environments: Environments, service: Service) -> Results:
    return environments.run("javascript", "openai_client.mjs", service.url)


def test_ollama_lists_and_shows(ollama: Results) -> None:
    models = {model["name"]: model for model in ollama["listing"]}
    assert {"smollm2:135m", "echo:latest"} <= models.keys()
    assert all(model["model"] == name and model["modified"] > 0 for name, model in models.items())
    assert "tools" in ollama["show"]["capabilities"]
    assert ollama["show"]["info"]["general.architecture"]
    assert all(part.isdigit() for part in ollama["version"].split("."))


def test_ollama_asks_the_real_model(ollama: Results) -> None:
    assert "Paris" in ollama["realChat"]["text"]
    assert ollama["realChat"]["done"] == "stop"


def test_ollama_streams(ollama: Results) -> None:
    assert ollama["streams"] == {"text": "one two", "done": [False] * 7 + [True]}
    assert ollama["generates"] == ["a", "b", "c", ""]


def test_ollama_calls_a_tool(ollama: Results) -> None:
    (call,) = ollama["tools"]["calls"]
    assert (call["name"], call["arguments"]) == ("get_weather", {"city": "Paris"})
    assert ollama["tools"]["answer"] == "It is 18 degrees in Paris."


def test_ollama_gets_the_form_that_was_asked_for(ollama: Results) -> None:
    assert ollama["structured"] == {"city": "Paris", "degrees": 18}


def test_ollama_gets_thinking_apart(ollama: Results) -> None:
    message = ollama["thinking"]
    assert (message["thinking"].strip(), message["content"].strip()) == ("Two and two.", "Four.")


@pytest.mark.parametrize("call", ["chat", "stream", "show"])
def test_ollama_is_told_of_an_unknown_model(ollama: Results, call: str) -> None:
    refusal = ollama["unknown"][call]
    assert (refusal["kind"], refusal["status"]) == ("ResponseError", 404)
    assert "model 'nope' not found" in refusal["text"]


def test_ollama_is_refused_embeddings(ollama: Results) -> None:
    assert ollama["embeddings"]["status"] == 400
    assert "does not support embeddings" in ollama["embeddings"]["text"]


def test_ollama_loads_and_unloads(ollama: Results) -> None:
    told = ollama["keepAlive"]
    assert (told["load"], told["unload"]) == ("load", "unload")
    assert 55 < told["minutes"] < 61
    assert "echo:latest" not in told["left"]


def test_ollama_copies_and_deletes(ollama: Results) -> None:
    assert ollama["copies"] == "hello"


def test_ollama_cancels(ollama: Results) -> None:
    assert ollama["cancel"]["kind"] == "AbortError"
    assert ollama["cancel"]["seconds"] < 5  # the whole answer would have taken 25


def test_openai_lists_models(openai: Results) -> None:
    assert {"smollm2:135m", "echo:latest"} <= set(openai["models"]["ids"])
    assert openai["models"]["one"]["object"] == "model"


def test_openai_asks_the_real_model(openai: Results) -> None:
    assert "Paris" in openai["realChat"]["text"]
    assert openai["realChat"]["usage"]["completion_tokens"] > 1


def test_openai_streams(openai: Results) -> None:
    streamed = openai["streams"]
    assert (streamed["text"], streamed["reasons"]) == ("one two", ["stop"])
    assert streamed["usage"]["completion_tokens"] == len("one two")


def test_openai_calls_a_tool(openai: Results) -> None:
    answer = openai["tools"]
    assert (answer["reason"], answer["calls"]) == ("tool_calls", [["get_weather", {"city": "Paris"}]])
    assert answer["answer"] == "It is 18 degrees in Paris."


def test_openais_tool_runner_goes_all_the_way(openai: Results) -> None:
    assert openai["toolRunner"] == "It is 18 degrees in Paris."


def test_openai_gets_the_form_that_was_asked_for(openai: Results) -> None:
    assert openai["structured"] == {"city": "Paris", "degrees": 18}


def test_openai_gets_responses(openai: Results) -> None:
    answer = openai["responses"]
    assert (answer["whole"], answer["text"]) == ("hello there", "abc")
    assert (answer["first"], answer["last"]) == ("response.created", "response.completed")


def test_openai_gets_completions(openai: Results) -> None:
    assert openai["completions"] == {"text": "say", "reason": "length"}


def test_openai_is_told_of_an_unknown_model_and_refused_embeddings(openai: Results) -> None:
    assert (openai["unknown"]["kind"], openai["unknown"]["status"]) == ("NotFoundError", 404)
    assert "model 'nope' not found" in openai["unknown"]["text"]
    assert (openai["embeddings"]["kind"], openai["embeddings"]["status"]) == ("BadRequestError", 400)
    assert "does not support embeddings" in openai["embeddings"]["text"]


def test_openai_cancels(openai: Results) -> None:
    assert openai["cancel"]["seconds"] < 5  # the whole answer would have taken 25
