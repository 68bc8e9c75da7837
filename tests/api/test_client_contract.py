"""What breaks real clients on a minimal server, each as one test."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any

import pytest

from api.conftest import MakeService
from api.exchanges import asked
from axm1_llm import __version__
from engine.conftest import within
from engine.fakes import END, MARK, frames

CHAT = "/api/chat"
HI = [{"role": "user", "content": "hi"}]
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
HERMES = "{{ tools }}<tool_call>"
CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call>'


async def test_get_and_head_of_the_root_are_200(service: MakeService) -> None:
    async with service() as s:
        assert (await s.http.get("/")).text == "Ollama is running"
        assert (await s.http.head("/")).status_code == 200


async def test_the_version_is_dotted_numbers_and_new_enough_for_every_client(service: MakeService) -> None:
    async with service() as s:
        answer = (await s.http.get("/api/version")).json()
        assert [int(part) for part in answer["version"].split(".")] >= [0, 6, 4]
        assert answer["axm1_llm"] == __version__


async def test_tags_have_model_name_digest_and_a_time_that_parses(service: MakeService) -> None:
    async with service() as s:
        (tag,) = (await s.http.get("/api/tags")).json()["models"]
        assert tag["model"] == tag["name"] == "m:7b"
        assert int(tag["digest"], 16) >= 0
        assert datetime.fromisoformat(tag["modified_at"]).tzinfo


async def test_a_name_with_and_without_latest_is_the_same_model_in_every_endpoint(
    service: MakeService,
) -> None:
    async with service(model_name="qwen") as s:
        for name in ("qwen", "qwen:latest", "Qwen:Latest"):
            body: dict[str, Any] = {"model": name, "prompt": "", "messages": [], "keep_alive": 0}
            for path in ("/api/generate", CHAT, "/api/show", "/api/pull"):
                assert (await within(s.http.post(path, json=body))).status_code == 200
            for path in ("/api/embed", "/api/embeddings"):
                assert "does not support" in (await s.http.post(path, json=body)).json()["error"]
            assert (await s.http.get(f"/api/status/{name}")).json()["model"] == "qwen"
            copied = await s.http.post("/api/copy", json={"source": name, "destination": "v"})
            created = await s.http.post("/api/create", json={"model": "v", "from": name})
            deleted = await s.http.request("DELETE", "/api/delete", json={"model": "v:latest"})
            refused = await s.http.request("DELETE", "/api/delete", json={"model": name})
            statuses = [response.status_code for response in (copied, created, deleted, refused)]
            assert statuses == [200, 200, 200, 400]


async def test_show_has_model_info_with_an_architecture_and_capabilities_also_for_name(
    service: MakeService,
) -> None:
    async with service() as s:
        for key in ("model", "name"):
            shown = (await s.http.post("/api/show", json={key: "m:7b"})).json()
            assert shown["model_info"]["general.architecture"]
            assert shown["capabilities"] == ["completion"]


async def test_answers_stream_unless_the_request_says_no(service: MakeService) -> None:
    async with service() as s:
        streamed = await asked(s, CHAT, model="m:7b", messages=HI)
        assert len(streamed.text.splitlines()) == 3
        for path, key in ((CHAT, {"messages": HI}), ("/api/generate", {"prompt": "hi"})):
            whole = await s.http.post(path, json={"model": "m:7b", "stream": False, **key})
            assert json.loads(whole.text)["done"] is True


@pytest.mark.parametrize("keep_alive", [300, 1.5, -1, "300s", "-1m", "5", "1h30m", None])
async def test_every_form_of_keep_alive_is_taken(service: MakeService, keep_alive: Any) -> None:
    async with service() as s:
        response = await asked(s, CHAT, model="m:7b", messages=HI, keep_alive=keep_alive)
        assert response.status_code == 200


async def test_empty_values_and_unknown_options_are_taken(service: MakeService) -> None:
    async with service() as s:
        harmless: tuple[dict[str, Any], ...] = (
            {"format": ""},
            {"format": None},
            {"tools": []},
            {"tools": None},
            {"think": None},
            {"options": {}},
            {"options": {"low_vram": True, "mirostat": 1, "numa": False, "vocab_only": None}},
        )
        for sent in harmless:
            request = asyncio.create_task(s.http.post(CHAT, json={"model": "m:7b", "messages": HI, **sent}))
            if not s.scheduler.find("m:7b").is_loaded:
                await s.answering()
            assert (await within(request)).status_code == 200


async def test_an_empty_prompt_loads_and_with_keep_alive_0_unloads(service: MakeService) -> None:
    async with service() as s:
        loaded = await asked(s, "/api/generate", model="m:7b", prompt="")
        assert loaded.json()["done_reason"] == "load"
        assert s.scheduler.find("m:7b").is_loaded
        unloaded = await s.post(model="m:7b", prompt="", keep_alive=0)
        assert unloaded.json()["done_reason"] == "unload"
        assert not s.scheduler.find("m:7b").is_loaded


async def test_tool_arguments_are_an_object_for_ollama_and_a_string_for_openai(service: MakeService) -> None:
    async with service(template=HERMES) as s:
        body = {"model": "m:7b", "messages": HI, "tools": [TOOL], "stream": False}
        ours = await asked(s, CHAT, frames(CALL), END + MARK, **body)
        theirs = await s.http.post("/v1/chat/completions", json=body)
        (call,) = ours.json()["message"]["tool_calls"]
        assert call["function"]["arguments"] == {"city": "Rome"}
        (call,) = theirs.json()["choices"][0]["message"]["tool_calls"]
        assert json.loads(call["function"]["arguments"]) == {"city": "Rome"}
        assert isinstance(call["function"]["arguments"], str)


async def test_content_is_never_null_and_thinking_is_not_in_it(service: MakeService) -> None:
    async with service(template=f"{HERMES}<think>") as s:
        pieces = (frames("<think>", "hm", "</think>", CALL), END + MARK)
        response = await asked(s, CHAT, *pieces, model="m:7b", messages=HI, tools=[TOOL], think=True)
        messages = [json.loads(line)["message"] for line in response.text.splitlines()]
        assert {message["content"] for message in messages} == {""}
        assert "".join(message.get("thinking", "") for message in messages) == "hm"


async def test_a_bearer_token_is_taken_where_none_is_wanted(service: MakeService) -> None:
    async with service() as s:
        headers = {"authorization": "Bearer anything"}
        assert (await s.http.get("/api/tags", headers=headers)).status_code == 200


@pytest.mark.parametrize("keep_alive", [-1, "5m"])
async def test_expires_at_is_a_time_with_its_zone(service: MakeService, keep_alive: Any) -> None:
    async with service() as s:
        await asked(s, "/api/generate", model="m:7b", keep_alive=keep_alive)
        (running,) = (await s.http.get("/api/ps")).json()["models"]
        assert running["expires_at"].endswith("Z")
        assert datetime.fromisoformat(running["expires_at"]).tzinfo


async def test_chats_that_come_at_once_wait_for_each_other(service: MakeService) -> None:
    async with service() as s:
        body = {"model": "m:7b", "messages": HI, "stream": False}
        requests = [asyncio.create_task(s.http.post(CHAT, json=body)) for _ in range(5)]
        await s.answering()
        responses = await within(asyncio.gather(*requests))
        assert [response.json()["message"]["content"] for response in responses] == ["Hello"] * 5


async def test_a_request_to_a_model_that_is_not_loaded_waits_until_it_is(service: MakeService) -> None:
    async with service() as s:
        request = asyncio.create_task(s.http.post(CHAT, json={"model": "m:7b", "messages": HI}))
        child = await s.spawn.child()
        status = (await s.http.get("/api/status/m:7b")).json()
        assert (status["status"], request.done()) == ("starting", False)
        assert [waiting["position"] for waiting in status["queue"]] == [1]
        assert status["expires_at"] is None
        child.start_up()
        await child.prompt()
        child.say(frames("ok") + END + MARK)
        response = await within(request)
        assert json.loads(response.text.splitlines()[-1])["load_duration"] > 0
