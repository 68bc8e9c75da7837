from __future__ import annotations

from typing import Any

import pytest

from api.conftest import MakeService
from api.exchanges import PNG, PNG_URI, WEATHER, asked
from axm1_llm.api.openai.chat.bodies import ChatBody
from axm1_llm.api.openai.chat.request import chat_request
from axm1_llm.errors import RequestError
from axm1_llm.serving.request import Options, Request
from axm1_llm.tokenizer.prompts import Message

CHAT = "/v1/chat/completions"
HI = [{"role": "user", "content": "hi"}]
TOOL = {"type": "function", "function": WEATHER}
OTHER = {"type": "function", "function": {"name": "clock"}}
CALLED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Köln"}'}}
    ],
}


def read(**body: Any) -> Request:
    return chat_request(ChatBody.model_validate({"model": "m", "messages": HI, **body}))


def test_turns_keep_their_order_and_parts_become_one_text() -> None:
    request = read(
        messages=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
            {"role": "assistant", "content": "three", "reasoning": "hm"},
            {"role": "user", "content": "four", "name": "Ann"},
        ]
    )
    assert request.messages == (
        Message("system", "Be brief."),
        Message("user", "one\ntwo"),
        Message("assistant", "three", {"thinking": "hm"}),
        Message("user", "four"),
    )


def test_a_tool_exchange_has_arguments_as_an_object_and_results_with_the_tools_name() -> None:
    result = {"role": "tool", "tool_call_id": "call_1", "content": "rain"}
    request = read(messages=[*HI, CALLED, result])
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "weather", "arguments": {"city": "Köln"}},
    }
    assert request.messages[1:] == (
        Message("assistant", "", {"tool_calls": [call]}),
        Message("tool", "rain", {"tool_call_id": "call_1", "name": "weather", "tool_name": "weather"}),
    )


def test_pictures_of_the_last_turn_are_decoded_and_those_of_older_turns_are_not_shown_again() -> None:
    picture = {"type": "image_url", "image_url": {"url": PNG_URI}}
    shown = {"role": "user", "content": [{"type": "text", "text": "what is it?"}, picture]}
    assert read(messages=[shown]).images == (PNG,)
    assert read(messages=[{**shown, "content": [{"type": "image_url", "image_url": PNG_URI}]}]).images == (
        PNG,
    )
    assert read(messages=[shown, {"role": "assistant", "content": "a cat"}, *HI]).images == ()


def test_options_have_ollamas_names() -> None:
    request = read(
        max_tokens=5,
        stop="x",
        seed=1,
        temperature=0,
        top_p=0.5,
        frequency_penalty=0.1,
        presence_penalty=0.2,
    )
    sampling = {
        "temperature": 0,
        "top_p": 0.5,
        "seed": 1,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
    }
    assert request.options == Options(5, ("x",), sampling)
    assert read(max_tokens=5, max_completion_tokens=6, stop=["a", "b"]).options == Options(6, ("a", "b"))
    assert read().options == Options()


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        (None, ["weather", "clock"]),
        ("auto", ["weather", "clock"]),
        ("required", ["weather", "clock"]),
        ("none", []),
        ({"type": "function", "function": {"name": "clock"}}, ["clock"]),
    ],
)
def test_tool_choice_decides_which_tools_the_model_is_offered(choice: Any, names: list[str]) -> None:
    tools: list[Any] = list(read(tools=[TOOL, OTHER], tool_choice=choice).tools)
    assert [tool["function"]["name"] for tool in tools] == names
    assert all(tool["function"]["parameters"]["type"] == "object" for tool in tools)


@pytest.mark.parametrize(
    ("fields", "think"),
    [
        ({}, None),
        ({"reasoning_effort": "none"}, False),
        ({"reasoning_effort": "minimal"}, "low"),
        ({"reasoning": {"effort": "high"}}, "high"),
        ({"reasoning": {"effort": None}}, None),
    ],
)
def test_reasoning_effort_says_whether_and_how_much_the_model_thinks(
    fields: dict[str, Any], think: Any
) -> None:
    assert read(**fields).think == think


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        (None, None),
        ({"type": "text"}, None),
        ({"type": "json_object"}, "json"),
        (
            {
                "type": "json_schema",
                "json_schema": {"name": "n", "strict": True, "schema": {"type": "object"}},
            },
            {"type": "object"},
        ),
    ],
)
def test_response_format_asks_for_a_form(form: Any, wanted: Any) -> None:
    assert read(response_format=form).format == wanted


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"n": 2}, "one request has one answer"),
        ({"logprobs": True}, "logprobs are not supported"),
        ({"response_format": {"type": "json_schema"}}, "needs a schema"),
        ({"reasoning_effort": "lots"}, "reasoning effort 'lots' is not one of none, minimal"),
        ({"tools": [TOOL], "tool_choice": "perhaps"}, "tool_choice must be none, auto, required"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "x"}}}, "names 'x'"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": "http://x/y.png"}]}
                ]
            },
            "must be a data URI with base64",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            "parts of type 'input_audio' are not supported",
        ),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "tool_calls": [{"function": {"name": "f", "arguments": "{oops"}}],
                    }
                ]
            },
            "the arguments of the call of 'f' are no JSON object",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(RequestError, match=text):
        read(**fields)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"messages": HI}, "model is required"),
        ({"model": "m:7b"}, "messages is required"),
        ({"model": "m:7b", "messages": []}, "messages"),
        ({"model": "m:7b", "messages": [{"role": "wizard", "content": "x"}]}, "messages.0.role"),
        ({"model": "m:7b", "messages": HI, "temperature": "hot"}, "temperature"),
        ({"model": "m:7b", "messages": HI, "max_tokens": 1.5}, "max_tokens"),
        ({"model": "m:7b", "messages": HI, "stop": [1]}, "stop"),
        ({"model": "m:7b", "messages": HI, "tools": [TOOL]}, '"m:7b" does not support tools'),
        ({"model": "m:7b", "messages": HI, "reasoning_effort": "low"}, '"m:7b" does not support thinking'),
    ],
)
async def test_bad_input_is_answered_400_in_openais_envelope(
    service: MakeService, body: dict[str, Any], text: str
) -> None:
    async with service() as s:
        response = await s.http.post(CHAT, json=body)
        assert response.status_code == 400
        error = response.json()["error"]
        assert text in error["message"]
        assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "harmless",
    [
        {"user": "ann", "logit_bias": {"50256": -100}, "service_tier": "auto", "parallel_tool_calls": True},
        {"tools": [], "tool_choice": "auto", "n": 1, "logprobs": False, "top_logprobs": None},
        {name: None for name in ChatBody.model_fields if name not in {"model", "messages"}},
        {"stream_options": None, "stream": False, "metadata": {"a": 1}, "store": True},
        {"response_format": {"type": "text"}, "reasoning_effort": "none", "stop": []},
    ],
)
async def test_what_real_clients_send_along_is_accepted(
    service: MakeService, harmless: dict[str, Any]
) -> None:
    async with service() as s:
        response = await asked(s, CHAT, model="m:7b", messages=HI, **harmless)
        assert response.status_code == 200, response.text
        assert response.json()["choices"][0]["message"]["content"] == "Hello"
