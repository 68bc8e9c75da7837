from __future__ import annotations

from typing import Any

import pytest

from api.conftest import MakeService
from api.exchanges import PNG, PNG_URI, WEATHER, asked
from axm1_llm.api.openai.responses.bodies import ResponsesBody
from axm1_llm.api.openai.responses.request import responses_request
from axm1_llm.errors import RequestError
from axm1_llm.serving.request import Options, Request
from axm1_llm.tokenizer.prompts import Message

RESPONSES = "/v1/responses"
TOOL = {"type": "function", "strict": True, **WEATHER}
CALL_1 = {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city": "Köln"}'}
CALL_2 = {"type": "function_call", "call_id": "c2", "name": "clock", "arguments": ""}


def read(**body: Any) -> Request:
    return responses_request(ResponsesBody.model_validate({"model": "m", "input": "hi", **body}))


def test_items_become_turns_and_what_the_model_did_in_one_turn_is_one_turn() -> None:
    request = read(
        instructions="Be brief.",
        input=[
            {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Wait."}]},
            CALL_1,
            CALL_2,
            {"type": "function_call_output", "call_id": "c1", "output": "rain"},
            {
                "type": "function_call_output",
                "call_id": "c2",
                "output": [{"type": "input_text", "text": "9"}],
            },
            {"role": "developer", "content": "Now answer."},
        ],
    )
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": {"city": "Köln"}}},
        {"id": "c2", "type": "function", "function": {"name": "clock", "arguments": {}}},
    ]
    assert request.messages == (
        Message("system", "Be brief."),
        Message("user", "hi"),
        Message("assistant", "Wait.", {"thinking": "hm", "tool_calls": calls}),
        Message("tool", "rain", {"tool_call_id": "c1", "name": "weather", "tool_name": "weather"}),
        Message("tool", "9", {"tool_call_id": "c2", "name": "clock", "tool_name": "clock"}),
        Message("system", "Now answer."),
    )


def test_two_answers_in_a_row_stay_two() -> None:
    said = {"role": "assistant", "content": "a"}
    request = read(input=[said, said])
    assert request.messages == (Message("assistant", "a"), Message("assistant", "a"))


def test_pictures_tools_form_and_options_reach_the_request() -> None:
    request = read(
        input=[{"role": "user", "content": [{"type": "input_image", "image_url": PNG_URI}]}],
        tools=[TOOL],
        tool_choice={"type": "function", "name": "weather"},
        text={"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}},
        reasoning={"effort": "none", "summary": "auto"},
        max_output_tokens=5,
        temperature=0.5,
        truncation="disabled",
    )
    assert request.images == (PNG,)
    assert list(request.tools) == [{"type": "function", "function": WEATHER}]
    assert (request.format, request.think) == ({"type": "object"}, False)
    assert request.options == Options(5, None, {"temperature": 0.5})
    assert not request.truncate
    assert read().truncate


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id is not supported"),
        ({"conversation": "conv_1"}, "conversation is not supported"),
        ({"background": True}, "background is not supported"),
        ({"input": []}, "input is empty"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input items of type 'item_reference'"),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "content of type 'input_file'"),
        ({"tools": [{"type": "web_search"}]}, "tools of type 'web_search' are not supported"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "needs a schema"),
        ({"input": [{**CALL_1, "arguments": "[1]"}]}, "no JSON object"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(RequestError, match=text):
        read(**fields)


@pytest.mark.parametrize(
    "harmless",
    [
        {name: None for name in ResponsesBody.model_fields if name not in {"model", "input"}},
        {"include": ["reasoning.encrypted_content"], "parallel_tool_calls": False, "store": False},
        {"user": "ann", "prompt_cache_key": "x", "service_tier": "auto", "top_logprobs": 0},
        {"text": {"format": {"type": "text"}, "verbosity": "low"}, "reasoning": {"effort": None}},
    ],
)
async def test_what_real_clients_send_along_is_accepted(
    service: MakeService, harmless: dict[str, Any]
) -> None:
    async with service() as s:
        response = await asked(s, RESPONSES, model="m:7b", input="hi", **harmless)
        assert response.status_code == 200, response.text
        assert response.json()["output"][0]["content"][0]["text"] == "Hello"


async def test_a_refusal_is_answered_400_in_openais_envelope(service: MakeService) -> None:
    async with service() as s:
        response = await s.http.post(RESPONSES, json={"model": "m:7b"})
        assert (response.status_code, response.json()["error"]["message"]) == (400, "input is required")
