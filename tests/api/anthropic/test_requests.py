from __future__ import annotations

import base64
from typing import Any

import pytest

from api.conftest import MakeService
from api.exchanges import PNG, WEATHER, asked
from axm1_llm.api.anthropic.bodies import MessagesBody
from axm1_llm.api.anthropic.request import messages_request
from axm1_llm.errors import RequestError
from axm1_llm.serving.request import Options, Request
from axm1_llm.tokenizer.prompts import Message

MESSAGES = "/v1/messages"
HI = [{"role": "user", "content": "hi"}]
TOOL = {
    "name": "weather",
    "description": "Tells the weather",
    "input_schema": WEATHER["parameters"],
    "cache_control": {"type": "ephemeral"},
}
IMAGE = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()},
}
REQUIRED = {"model": "m:7b", "messages": HI, "max_tokens": 9}


def read(**body: Any) -> Request:
    return messages_request(MessagesBody.model_validate({**REQUIRED, **body}))


def text(content: str) -> dict[str, Any]:
    return {"type": "text", "text": content, "cache_control": {"type": "ephemeral"}}


def test_blocks_become_turns_and_tool_results_turns_of_the_tool() -> None:
    request = read(
        system=[text("Be brief."), text("Be kind.")],
        messages=[
            *HI,
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "redacted_thinking", "data": "x"},
                    text("Wait."),
                    {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Köln"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": [text("rain")]},
                    text("And?"),
                ],
            },
            {"role": "system", "content": [text("Be quick.")]},
        ],
    )
    call = {"id": "t1", "type": "function", "function": {"name": "weather", "arguments": {"city": "Köln"}}}
    assert request.messages == (
        Message("system", "Be brief.\nBe kind."),
        Message("user", "hi"),
        Message("assistant", "Wait.", {"thinking": "hm", "tool_calls": [call]}),
        Message("tool", "rain", {"tool_call_id": "t1", "name": "weather", "tool_name": "weather"}),
        Message("user", "And?"),
        Message("system", "Be quick."),
    )


def test_pictures_come_from_the_user_and_from_tools() -> None:
    shown = {"role": "user", "content": [IMAGE, text("what is it?")]}
    request = read(messages=[shown])
    assert (request.messages, request.images) == ((Message("user", "what is it?"),), (PNG,))
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [IMAGE]}]}
    request = read(messages=[*HI, result])
    assert (request.messages[-1].role, request.images) == ("tool", (PNG,))


def test_a_document_of_text_is_text() -> None:
    document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Once"}}
    request = read(messages=[{"role": "user", "content": [document, text("sum up")]}])
    assert request.messages == (Message("user", "Once\nsum up"),)


def test_options_tools_and_form_reach_the_request() -> None:
    request = read(
        stop_sequences=["x"],
        temperature=1.0,
        top_k=3,
        tools=[TOOL],
        output_config={"format": {"type": "json_schema", "schema": {"type": "object"}}},
    )
    assert request.options == Options(9, ("x",), {"temperature": 1.0, "top_k": 3})
    assert list(request.tools) == [{"type": "function", "function": WEATHER}]
    assert request.format == {"type": "object"}


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"type": "auto", "disable_parallel_tool_use": True}, ["weather", "clock"]),
        ({"type": "any"}, ["weather", "clock"]),
        ({"type": "tool", "name": "clock"}, ["clock"]),
        ({"type": "none"}, []),
    ],
)
def test_tool_choice_decides_which_tools_the_model_is_offered(choice: Any, names: list[str]) -> None:
    clock = {"type": "custom", "name": "clock", "input_schema": {"type": "object"}}
    tools: list[Any] = list(read(tools=[TOOL, clock], tool_choice=choice).tools)
    assert [tool["function"]["name"] for tool in tools] == names


@pytest.mark.parametrize(
    ("thinking", "think"),
    [
        (None, None),
        ({"type": "enabled", "budget_tokens": 1024}, True),
        ({"type": "disabled"}, False),
        ({"type": "adaptive"}, None),
    ],
)
def test_thinking_is_on_off_or_as_the_model_is_set(thinking: Any, think: Any) -> None:
    assert read(thinking=thinking).think == think


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools of type 'web_search_"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "x"}}, "names 'x'"),
        (
            {
                "messages": [
                    {
                        "role": "user",
                        "content": [{"type": "image", "source": {"type": "url", "url": "http://x"}}],
                    }
                ]
            },
            "images must come as base64",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "search_result"}]}]}, "'search_result'"),
        ({"messages": [{"role": "assistant", "content": [IMAGE]}]}, "assistant content of type 'image'"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        read(**fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"max_tokens": None}, "max_tokens is required"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages.0.content is required"),
        ({"thinking": {"type": "enabled"}}, '"m:7b" does not support thinking'),
        ({"tools": [TOOL]}, '"m:7b" does not support tools'),
    ],
)
async def test_bad_input_is_answered_400_in_anthropics_envelope(
    service: MakeService, fields: dict[str, Any], words: str
) -> None:
    async with service() as s:
        response = await s.http.post(MESSAGES, json={**REQUIRED, **fields})
        assert response.status_code == 400
        body = response.json()
        assert words in body["error"]["message"]
        assert (body["type"], body["error"]["type"]) == ("error", "invalid_request_error")


@pytest.mark.parametrize(
    "harmless",
    [
        {name: None for name in MessagesBody.model_fields if name not in REQUIRED},
        {"metadata": {"user_id": "x"}, "service_tier": "auto", "container": None},
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}, "tools": []},
    ],
)
async def test_what_real_clients_send_along_is_accepted(
    service: MakeService, harmless: dict[str, Any]
) -> None:
    async with service() as s:
        response = await asked(s, MESSAGES + "?beta=true", **{**REQUIRED, **harmless})
        assert response.status_code == 200, response.text
        assert response.json()["content"][0]["text"] == "Hello"
