"""The Python client of OpenAI against the service."""

from __future__ import annotations

import json

import pytest

from clients.clients import Environments, Results
from e2e.services import Service

pytestmark = pytest.mark.timeout(1600)  # the first test of a run may have to fetch the clients


@pytest.fixture(scope="module")
def results(environments: Environments, service: Service) -> Results:
    return environments.run("python", "openai_client.py", service.url)


def test_it_lists_and_retrieves_models(results: Results) -> None:
    models = results["models"]
    assert {"smollm2:135m", "echo:latest"} <= set(models["listed"])
    assert models["kinds"] == ["model"]
    assert (models["one"]["id"], models["one"]["owned_by"]) == ("smollm2:135m", "library")
    assert models["one"]["created"] > 0
    assert models["unknown"]["status"] == 404


def test_the_real_model_answers_with_its_usage(results: Results) -> None:
    answer = results["real_chat"]
    assert "Paris" in answer["text"]
    assert (answer["role"], answer["reason"], answer["object"]) == ("assistant", "stop", "chat.completion")
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 10


def test_the_real_model_streams_with_a_usage_chunk_at_the_end(results: Results) -> None:
    answer = results["real_chat_streams"]
    assert "Paris" in answer["text"]
    assert (answer["first"], answer["reasons"], answer["last"]) == ("assistant", ["stop"], 0)
    assert answer["usage"]["completion_tokens"] > 1
    assert answer["chunks"] > answer["usage"]["completion_tokens"]
    assert answer["one id"]


def test_a_message_may_come_in_parts(results: Results) -> None:
    assert results["parts"].split() == ["one", "two"]


def test_an_answer_ends_at_the_limit_and_at_a_stop(results: Results) -> None:
    assert results["limits"] == {"cut": ["a lo", "length"], "stopped": ["left", "stop"]}


def test_a_tool_is_called_and_its_result_is_used(results: Results) -> None:
    answer = results["tools_round_trip"]
    assert answer["call"] == ["function", "get_weather", {"city": "Paris"}]
    assert answer["id"].startswith("call_")
    assert answer["reason"] == "tool_calls"
    assert (answer["answer"], answer["end"]) == ("It is 18 degrees in Paris.", "stop")


def test_two_calls_come_in_a_stream(results: Results) -> None:
    answer = results["tools_stream"]
    assert [call[1:] for call in answer["calls"]] == [
        ["get_weather", {"city": "Paris"}],
        ["get_weather", {"city": "Rome"}],
    ]
    assert len({call[0] for call in answer["calls"]}) == 2
    assert answer["text"].strip() == "I look at both."
    assert answer["reason"] == "tool_calls"
    assert "tool_calls.function.arguments.done" in answer["kinds"]


def test_an_answer_has_the_form_that_was_asked_for(results: Results) -> None:
    wanted = {"city": "Paris", "degrees": 18}
    assert results["structured"]["parsed"] == wanted
    assert json.loads(results["structured"]["plain"]) == wanted
    assert json.loads(results["any_json"]) == {"any": ["thing", 1, None]}


def test_reasoning_is_apart_from_the_answer(results: Results) -> None:
    answer = results["reasoning"]
    assert (answer["text"].strip(), answer["reasoning"].strip()) == ("Four.", "Two and two.")
    assert answer["streamed"].strip() == "Two and two."
    assert (answer["quiet"][0].strip(), answer["quiet"][1]) == ("Four.", None)


def test_completions_answer_and_stream(results: Results) -> None:
    answer = results["completions"]
    assert (answer["text"], answer["reason"], answer["object"]) == ("say", "length", "text_completion")
    assert answer["streamed"] == "abc"


def test_embeddings_are_refused(results: Results) -> None:
    refusal = results["embeddings_refused"]
    assert refusal["status"] == 400
    assert "does not support embeddings" in refusal["body"]["message"]
    assert refusal["type"] == "invalid_request_error"


@pytest.mark.parametrize("call", ["chat", "stream", "completions", "responses"])
def test_an_unknown_model_is_not_found_in_openais_envelope(results: Results, call: str) -> None:
    refusal = results["unknown_model"][call]
    assert refusal["status"] == 404
    assert "model 'nope' not found" in refusal["body"]["message"]
    assert refusal["body"].keys() >= {"message", "type", "param", "code"}


def test_tools_are_refused_by_a_model_that_knows_none(results: Results) -> None:
    assert "does not support tools" in results["tools_refused"]["body"]["message"]


def test_a_response_is_complete(results: Results) -> None:
    answer = results["responses"]
    assert (answer["text"], answer["status"], answer["turned"]) == ("hello there", "completed", "again")
    assert answer["cut"] == ["hello", "incomplete", "max_output_tokens"]
    assert answer["usage"]["output_tokens"] == len("hello there")


def test_a_response_streams_its_events_in_order(results: Results) -> None:
    answer = results["responses_stream"]
    assert (answer["text"], answer["whole"], answer["in order"]) == ("abc", "abc", True)
    kinds = [kind.removeprefix("response.") for kind in answer["kinds"]]
    assert list(dict.fromkeys(kinds)) == [
        *("created", "in_progress", "output_item.added", "content_part.added", "output_text.delta"),
        *("output_text.done", "content_part.done", "output_item.done", "completed"),
    ]


def test_a_response_calls_a_tool_and_uses_its_result(results: Results) -> None:
    answer = results["responses_tools"]
    assert answer["call"] == ["get_weather", {"city": "Paris"}]
    assert answer["answer"] == "It is 18 degrees in Paris."
    assert answer["streamed"] == ["get_weather"]
    assert "response.function_call_arguments.done" in answer["kinds"]


def test_a_response_has_the_form_that_was_asked_for(results: Results) -> None:
    assert results["responses_structured"] == {"city": "Paris", "degrees": 18}


def test_the_async_client_does_the_same(results: Results) -> None:
    answer = results["async_variants"]
    assert answer["answers"] == [f"number {number}" for number in range(4)]
    assert answer["text"] == "one two"
    assert answer["models"] >= 5


def test_a_client_that_leaves_frees_the_model(results: Results) -> None:
    assert results["cancel"]["seconds"] < 5  # the whole answer would have taken 25
