"""The Python client of Anthropic against the service."""

from __future__ import annotations

import pytest

from clients.clients import Environments, Results
from e2e.services import Service

pytestmark = pytest.mark.timeout(1600)  # the first test of a run may have to fetch the clients


@pytest.fixture(scope="module")
def results(environments: Environments, service: Service) -> Results:
    return environments.run("python", "anthropic_client.py", service.url)


def test_the_real_model_answers_with_its_usage(results: Results) -> None:
    answer = results["real_message"]
    assert "Paris" in answer["text"]
    assert (answer["type"], answer["role"], answer["reason"]) == ("message", "assistant", "end_turn")
    assert answer["usage"]["input_tokens"] > 10
    assert answer["usage"]["output_tokens"] > 1


def test_the_real_model_streams_its_events_in_order(results: Results) -> None:
    answer = results["real_message_streams"]
    assert "Paris" in answer["text"]
    assert answer["reason"] == "end_turn"
    assert answer["usage"]["output_tokens"] > 1
    kinds = [kind for kind in answer["kinds"] if kind not in ("text", "ping")]
    assert list(dict.fromkeys(kinds)) == [
        *("message_start", "content_block_start", "content_block_delta", "content_block_stop"),
        *("message_delta", "message_stop"),
    ]


def test_an_answer_ends_at_the_limit_and_at_a_stop(results: Results) -> None:
    limits = results["limits"]
    assert limits["cut"] == ["a lo", "max_tokens"]
    assert limits["stopped"] == ["left", "stop_sequence", "|"]
    assert limits["blocks"].split() == ["one", "two"]


def test_a_tool_is_called_and_its_result_is_used(results: Results) -> None:
    answer = results["tools_round_trip"]
    assert (answer["kinds"], answer["reason"]) == (["text", "tool_use"], "tool_use")
    assert answer["call"] == ["get_weather", {"city": "Paris"}]
    assert (answer["answer"], answer["end"]) == ("It is 18 degrees in Paris.", "end_turn")


def test_two_calls_come_in_a_stream(results: Results) -> None:
    answer = results["tools_stream"]
    assert answer["calls"] == [["get_weather", {"city": "Paris"}], ["get_weather", {"city": "Rome"}]]
    assert answer["reason"] == "tool_use"


def test_thinking_is_a_block_before_the_text(results: Results) -> None:
    thought, text = results["thinking"]
    assert (thought["type"], thought["text"].strip()) == ("thinking", "Two and two.")
    assert (text["type"], text["text"].strip()) == ("text", "Four.")


def test_tokens_are_counted_without_an_answer(results: Results) -> None:
    counts = results["counting"]
    assert counts["short"] == counts["counted"]
    assert counts["long"] > counts["short"] + 90


@pytest.mark.parametrize("call", ["create", "count"])
def test_an_unknown_model_is_not_found_in_anthropics_envelope(results: Results, call: str) -> None:
    refusal = results["unknown_model"][call]
    assert refusal["status"] == 404
    assert refusal["body"]["type"] == "error"
    assert refusal["body"]["error"]["type"] == "not_found_error"
    assert "model 'nope' not found" in refusal["body"]["error"]["message"]


@pytest.mark.parametrize(("call", "words"), [("empty", "messages"), ("tools", "does not support tools")])
def test_what_cannot_be_is_refused(results: Results, call: str, words: str) -> None:
    refusal = results["refused"][call]
    assert refusal["body"]["error"]["type"] == "invalid_request_error"
    assert words in refusal["body"]["error"]["message"]


def test_the_async_client_does_the_same(results: Results) -> None:
    answer = results["async_variants"]
    assert answer["answers"] == [f"number {number}" for number in range(4)]
    assert answer["text"] == "one two"


def test_a_client_that_leaves_frees_the_model(results: Results) -> None:
    assert results["cancel"]["seconds"] < 5  # the whole answer would have taken 25
