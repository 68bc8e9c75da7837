from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from api.conftest import MakeService
from api.exchanges import CALL, PNG, asked, summary
from axm1_llm.api.ollama.bodies import ChatBody
from axm1_llm.api.ollama.dialects import ChatDialect
from axm1_llm.api.ollama.requests import chat_request
from axm1_llm.engine import Delta
from engine.conftest import within
from engine.fakes import END, MARK, frames

CHAT = "/api/chat"
HI = [{"role": "user", "content": "hi"}]
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
HERMES = "{{ tools }}<tool_call>"


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


async def test_an_answer_streams_by_default_as_messages_and_ends_with_the_figures(
    service: MakeService,
) -> None:
    async with service() as s:
        response = await asked(s, CHAT, model="m:7b", messages=HI)
        assert response.headers["content-type"] == "application/x-ndjson"
        *chunks, last = lines(response.text)
        assert [(chunk["message"], chunk["done"]) for chunk in chunks] == [
            ({"role": "assistant", "content": "Hel"}, False),
            ({"role": "assistant", "content": "lo"}, False),
        ]
        assert last["message"] == {"role": "assistant", "content": ""}
        assert (last["done"], last["done_reason"], last["eval_count"]) == (True, "stop", 2)
        assert "response" not in last


async def test_without_streaming_the_message_is_whole(service: MakeService) -> None:
    async with service() as s:
        response = await asked(s, CHAT, model="m:7b", messages=HI, stream=False)
        assert response.json()["message"] == {"role": "assistant", "content": "Hello"}


async def test_thinking_stands_beside_the_content_as_it_streams(service: MakeService) -> None:
    async with service(template="<think>") as s:
        pieces = (frames("<think>", "hm", "</think>", "yes"), END + MARK)
        response = await asked(s, CHAT, *pieces, model="m:7b", messages=HI, think=True)
        *chunks, _ = lines(response.text)
        assert [chunk["message"] for chunk in chunks] == [
            {"role": "assistant", "content": "", "thinking": "hm"},
            {"role": "assistant", "content": "yes"},
        ]


def test_tool_calls_have_an_id_their_place_and_arguments_as_an_object() -> None:
    dialect = ChatDialect("m")
    first, second = lines(dialect.encode((CALL, CALL)).decode())
    (call,) = first["message"]["tool_calls"]
    assert call["id"].startswith("call_")
    assert call["function"] == {"index": 0, "name": "weather", "arguments": {"city": "Köln"}}
    assert first["message"]["content"] == ""
    assert second["message"]["tool_calls"][0]["function"]["index"] == 1
    last = json.loads(dialect.end(summary()))
    assert last["done_reason"] == "stop"
    whole = json.loads(ChatDialect("m").whole((Delta("Wait."), CALL, CALL), summary()))
    assert whole["message"]["content"] == "Wait."
    assert [call["function"]["index"] for call in whole["message"]["tool_calls"]] == [0, 1]


def test_a_history_with_tools_reaches_the_template_under_its_names() -> None:
    call = {"id": "call_1", "function": {"name": "weather", "arguments": {"city": "Köln"}}}
    body = ChatBody.model_validate(
        {
            "model": "m",
            "messages": [
                {"role": "SYSTEM", "content": "be brief"},
                {"role": "user", "content": "weather?"},
                {"role": "assistant", "content": None, "thinking": "hm", "tool_calls": [call]},
                {"role": "tool", "tool_name": "weather", "content": "rain"},
            ],
            "tools": [TOOL],
        }
    )
    request = chat_request(body)
    assert [(turn.role, turn.content) for turn in request.messages] == [
        ("system", "be brief"),
        ("user", "weather?"),
        ("assistant", ""),
        ("tool", "rain"),
    ]
    assert request.messages[2].extra["tool_calls"] == [
        {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": {"city": "Köln"}}}
    ]
    assert request.messages[2].extra["thinking"] == "hm"
    assert request.messages[3].extra["tool_name"] == request.messages[3].extra["name"] == "weather"
    assert request.tools == (TOOL,)


def test_only_the_pictures_of_the_last_user_turn_are_looked_at() -> None:
    picture = base64.b64encode(PNG).decode()
    turns = [
        {"role": "user", "content": "this?", "images": ["long gone"]},
        {"role": "assistant", "content": "a cat"},
        {"role": "user", "content": "and this?", "images": [picture]},
    ]
    request = chat_request(ChatBody.model_validate({"model": "m", "messages": turns}))
    assert request.images == (PNG,)
    turns.append({"role": "user", "content": "sure?"})
    assert chat_request(ChatBody.model_validate({"model": "m", "messages": turns})).images == ()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"messages": [{"role": "wizard", "content": "hi"}]}, 'invalid role: "wizard"'),
        ({"messages": [{"content": "hi"}]}, "messages.0.role is required"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content"),
        ({"messages": "hi"}, "messages"),
        ({"messages": HI, "tools": [TOOL]}, '"m:7b" does not support tools'),
        ({"messages": HI, "think": True}, '"m:7b" does not support thinking'),
        ({"messages": [{**HI[0], "images": ["x"]}]}, '"m:7b" does not support vision'),
        (
            {
                "messages": [
                    {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}
                ]
            },
            "messages.0.tool_calls.0.function.arguments",
        ),
        ({"messages": HI, "options": {"stop": 5}}, 'option "stop" must be of type array'),
    ],
)
async def test_bad_input_is_told_what_is_wrong_with_it(
    service: MakeService, body: dict[str, Any], text: str
) -> None:
    async with service() as s:
        response = await s.http.post(CHAT, json={"model": "m:7b", **body})
        assert response.status_code == 400
        assert text in response.json()["error"]


async def test_a_model_that_only_embeds_cannot_chat(service: MakeService) -> None:
    async with service(capabilities=["embedding"]) as s:
        for path, body, word in (
            (CHAT, {"messages": HI}, "chat"),
            ("/api/generate", {"prompt": "hi"}, "generate"),
        ):
            response = await s.http.post(path, json={"model": "m:7b", **body})
            assert response.status_code == 400
            assert response.json() == {"error": f'"m:7b" does not support {word}'}


async def test_what_clients_send_without_meaning_it_is_accepted(service: MakeService) -> None:
    async with service() as s:
        harmless: dict[str, Any] = {
            "format": "",
            "tools": [],
            "think": None,
            "options": {},
            "keep_alive": None,
            "logprobs": None,
        }
        response = await asked(s, CHAT, model="m:7b", messages=HI, stream=False, **harmless)
        assert (response.status_code, response.json()["message"]["content"]) == (200, "Hello")
        assert s.tokenizer.specs[0].tools == ()


async def test_tools_reach_the_template_and_the_call_comes_back(service: MakeService) -> None:
    async with service(template=HERMES) as s:
        text = '<tool_call>\n{"name": "weather", "arguments": {"city": "Köln"}}\n</tool_call>'
        response = await asked(
            s, CHAT, frames(text), END + MARK, model="m:7b", messages=HI, tools=[TOOL], stream=False
        )
        message = response.json()["message"]
        assert message["content"] == ""
        assert message["tool_calls"][0]["function"]["arguments"] == {"city": "Köln"}
        assert response.json()["done_reason"] == "stop"
        assert s.tokenizer.specs[0].tools == (TOOL,)


async def test_no_messages_load_and_with_keep_alive_0_unload_as_one_object(service: MakeService) -> None:
    async with service() as s:
        loaded = await asked(s, CHAT, model="m:7b", messages=[])
        unloaded = await within(s.http.post(CHAT, json={"model": "m:7b", "keep_alive": 0}))
        for response, reason in ((loaded, "load"), (unloaded, "unload")):
            body = response.json()
            assert (body["done"], body["done_reason"]) == (True, reason)
            assert body["message"] == {"role": "assistant", "content": ""}
