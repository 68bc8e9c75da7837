from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from api.conftest import MakeService, Service
from engine.conftest import within
from engine.fakes import END, MARK, frames


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


async def test_an_answer_streams_by_default_one_line_a_token_and_ends_with_the_figures(
    service: MakeService,
) -> None:
    async with service() as s:
        response = await s.answered(model="m:7b", prompt="hi")
        assert response.headers["content-type"] == "application/x-ndjson"
        *chunks, last = lines(response.text)
        assert [(chunk["response"], chunk["done"]) for chunk in chunks] == [("Hel", False), ("lo", False)]
        assert all(datetime.fromisoformat(chunk["created_at"]).tzinfo for chunk in [*chunks, last])
        assert (last["response"], last["done"], last["done_reason"]) == ("", True, "stop")
        assert (last["prompt_eval_count"], last["eval_count"]) == (7, 2)
        durations = ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration")
        assert all(isinstance(last[name], int) for name in durations)
        assert last["total_duration"] >= last["load_duration"] + last["prompt_eval_duration"]


async def test_without_streaming_the_answer_is_one_object(service: MakeService) -> None:
    async with service() as s:
        response = await s.answered(model="m:7b", prompt="hi", stream=False)
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        body = response.json()
        assert (body["response"], body["done"], body["eval_count"]) == ("Hello", True, 2)


async def test_a_name_with_latest_or_an_alias_means_the_same_model(service: MakeService) -> None:
    async with service(model_name="deepseek", aliases=["ds"]) as s:
        await s.answered(model="deepseek:latest", prompt="hi")
        assert (await s.post(name="ds", prompt="hi")).status_code == 200


async def test_the_body_is_read_as_json_whatever_its_content_type_says(service: MakeService) -> None:
    async with service() as s:
        form = {"content-type": "application/x-www-form-urlencoded"}
        content = '{"model":"m:7b","prompt":"hi","stream":false}'
        request = asyncio.create_task(s.http.post("/api/generate", content=content, headers=form))
        await s.answering()
        assert (await within(request)).json()["response"] == "Hello"


@pytest.mark.parametrize(
    ("content", "status", "text"),
    [
        ("", 400, "missing request body"),
        ("{", 400, "invalid JSON"),
        ("[]", 400, "invalid value for the body"),
        ('{"prompt":"hi"}', 400, "model is required"),
        ('{"model":"","prompt":"hi"}', 400, "model is required"),
        ('{"model":"nope","prompt":"hi"}', 404, "model 'nope' not found"),
        (
            '{"model":"m:7b","prompt":"hi","options":{"num_predict":"ten"}}',
            400,
            'option "num_predict" must be of type integer',
        ),
        (
            '{"model":"m:7b","prompt":"hi","options":{"temperature":"hot"}}',
            400,
            'option "temperature" must be of type number',
        ),
        (
            '{"model":"m:7b","prompt":"hi","raw":true,"system":"s"}',
            400,
            "raw mode does not support template, system, or context",
        ),
        ('{"model":"m:7b","prompt":"hi","think":true}', 400, '"m:7b" does not support thinking'),
        ('{"model":"m:7b","prompt":"hi","suffix":"x"}', 400, '"m:7b" does not support insert'),
        ('{"model":"m:7b","prompt":"hi","images":["x"]}', 400, '"m:7b" does not support vision'),
        ('{"model":"m:7b","prompt":"hi","logprobs":true}', 400, '"m:7b" does not support logprobs'),
        ('{"model":"m:7b","prompt":"hi","format":"yaml"}', 400, 'invalid format: "yaml"; expected "json" or'),
        ('{"model":"m:7b","prompt":"hi","format":[]}', 400, "invalid format: []"),
        ('{"model":"m:7b","prompt":"hi","think":"much"}', 400, 'invalid think value: "much" (must be "high"'),
        ('{"model":"m:7b","prompt":"hi","stream":"yes"}', 400, "stream"),
        (
            '{"model":"m:7b","prompt":"hi","template":"{{ .System }} {{ .Prompt }}"}',
            400,
            "Go's template language",
        ),
        ('{"model":"m:7b","prompt":"hi","keep_alive":"soon"}', 400, "keep_alive"),
        ('{"model":"m:7b","prompt":"hi","keep_alive":{}}', 400, "keep_alive"),
    ],
)
async def test_bad_input_is_told_what_is_wrong_with_it(
    service: MakeService, content: str, status: int, text: str
) -> None:
    async with service() as s:
        response = await s.http.post("/api/generate", content=content)
        assert response.status_code == status
        assert text in response.json()["error"]
        assert set(response.json()) == {"error"}


@pytest.mark.parametrize(
    "harmless",
    [
        {"format": ""},
        {"format": None},
        {"think": False},
        {"think": None},
        {"keep_alive": "5m"},
        {"keep_alive": -1},
        {"keep_alive": None},
        {"options": {"use_mlock": True, "num_ctx": 8192, "stop": "x", "top_k": 40.0}},
        {"options": {"seed": None, "num_predict": -1, "temperature": 0}},
        {"options": {}},
        {"options": None},
        {"keep_alive": 12.5},
        {"keep_alive": "-1m"},
        {"keep_alive": "300s"},
        {"system": None, "suffix": None, "raw": None},
        {"images": []},
        {"template": ""},
        {"context": []},
    ],
)
async def test_what_real_clients_send_along_is_accepted(
    service: MakeService, harmless: dict[str, Any]
) -> None:
    async with service() as s:
        response = await s.answered(model="m:7b", prompt="hi", stream=False, **harmless)
        assert (response.status_code, response.json()["response"]) == (200, "Hello")


async def test_the_system_prompt_of_the_request_goes_before_that_of_the_descriptor(
    service: MakeService,
) -> None:
    async with service(system="from the descriptor") as s:
        await s.answered(model="m:7b", prompt="hi")
        await s.post(model="m:7b", prompt="hi", system="from the request")
        await s.post(model="m:7b", prompt="<|im_start|>hi", raw=True)
        described, requested, raw = s.tokenizer.specs
        assert [message.content for message in described.messages] == ["from the descriptor", "hi"]
        assert [message.content for message in requested.messages] == ["from the request", "hi"]
        assert (raw.text, raw.messages) == ("<|im_start|>hi", ())


@pytest.mark.parametrize(
    ("descriptor", "request_", "thinking"),
    [
        ({}, {}, None),
        ({"include_thinking": "true"}, {}, "hm"),
        ({"include_thinking": "true"}, {"think": False}, None),
        ({"include_thinking": "false"}, {"think": True}, "hm"),
        ({}, {"think": "low"}, "hm"),
    ],
)
async def test_thinking_follows_the_request_and_then_the_descriptor(
    service: MakeService, descriptor: dict[str, Any], request_: dict[str, Any], thinking: str | None
) -> None:
    async with service(**descriptor, template="<think>") as s:
        pieces = (frames("<think>", "hm", "</think>", "yes"), END + MARK)
        response = await s.answered(*pieces, model="m:7b", prompt="hi", stream=False, **request_)
        assert (response.json()["response"], response.json().get("thinking")) == ("yes", thinking)


async def test_a_raw_prompt_gets_the_answer_as_it_is(service: MakeService) -> None:
    async with service(template="<think>") as s:
        pieces = (frames("<think>", "hm", "</think>", "yes"), END + MARK)
        response = await s.answered(*pieces, model="m:7b", prompt="hi", raw=True, stream=False)
        assert response.json()["response"] == "<think>hm</think>yes"


async def test_an_empty_prompt_loads_and_with_keep_alive_0_unloads(service: MakeService) -> None:
    async with service() as s:
        response = await s.answered(model="m:7b")
        assert response.json()["done_reason"] == "load"
        assert s.scheduler.find("m:7b").status().state == "ready"
        response = await s.post(model="m:7b", prompt="", keep_alive=0)
        assert response.json()["done_reason"] == "unload"
        assert s.scheduler.find("m:7b").status().state == "idle"


async def test_an_error_before_the_first_token_has_its_status(service: MakeService) -> None:
    async with service() as s:
        request = asyncio.create_task(s.post(model="m:7b", prompt="hi"))
        for _ in range(2):  # once is tried again
            child = await s.spawn.child()
            child.start_up()
            await child.prompt()
            child.exit(139)
        response = await request
        assert response.status_code == 500
        assert "SIGSEGV" in response.json()["error"]


async def test_an_error_after_it_is_the_last_line_of_the_stream(service: MakeService) -> None:
    async with service() as s:
        request = asyncio.create_task(s.post(model="m:7b", prompt="hi"))
        child = await s.spawn.child()
        child.start_up()
        await child.prompt()
        child.say(frames("Hel"))
        await until_outputting(s)
        child.exit(139)
        response = await request
        assert response.status_code == 200
        first, last = lines(response.text)
        assert first["response"] == "Hel"
        assert "SIGSEGV" in last["error"]


async def test_a_model_whose_folder_is_gone_is_named_in_the_descriptors_terms(
    service: MakeService,
) -> None:
    async with service(model_path="/nowhere/at/all") as s:
        response = await s.post(model="m:7b", prompt="hi")
        assert response.status_code == 500
        assert "model_path '/nowhere/at/all'" in response.json()["error"]


async def test_over_the_queue_limit_clients_are_told_to_come_again(service: MakeService) -> None:
    async with service(max_queue=1) as s:
        first = asyncio.create_task(s.post(model="m:7b", prompt="hi"))
        child = await s.spawn.child()
        response = await s.post(model="m:7b", prompt="hi")
        assert response.status_code == 503
        assert "maximum pending requests exceeded" in response.json()["error"]
        assert response.headers["retry-after"]
        child.start_up()
        await child.prompt()
        child.say(frames("ok") + END + MARK)
        assert (await first).status_code == 200


async def test_a_client_that_goes_away_cancels_its_prompt(service: MakeService) -> None:
    async with service() as s:
        gone = asyncio.Event()
        call = asyncio.create_task(s.app(scope(), receive(gone), ignore))
        child = await s.spawn.child()
        child.start_up()
        await child.prompt()
        child.say(frames("a"))
        gone.set()
        await within(child.interrupts.get())
        child.say(END + MARK)
        await within(call)


async def test_a_client_that_vanishes_while_its_connection_is_full_cancels_its_prompt(
    service: MakeService,
) -> None:
    async with service() as s:
        gone, full = asyncio.Event(), asyncio.Event()

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.body":
                full.set()
                await gone.wait()  # back-pressure: nobody reads

        call = asyncio.create_task(s.app(scope(), receive(gone), send))
        child = await s.spawn.child()
        child.start_up()
        await child.prompt()
        child.say(frames("a"))
        await within(full.wait())
        child.say(frames("b"))
        gone.set()
        await within(child.interrupts.get())
        child.say(END + MARK)
        await within(call)


def scope() -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/api/generate",
        "raw_path": b"/api/generate",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "headers": [],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }


def receive(gone: asyncio.Event) -> Any:
    messages = [{"type": "http.request", "body": b'{"model":"m:7b","prompt":"hi"}', "more_body": False}]

    async def call() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    return call


async def ignore(_: dict[str, Any]) -> None:
    pass


async def until_outputting(s: Service) -> None:
    """Let the engine read what the child said; bounded."""
    for _ in range(100):
        if s.scheduler.find("m:7b").status().state == "outputting":
            break
        await asyncio.sleep(0)
    for _ in range(10):  # and the response send it
        await asyncio.sleep(0)


async def test_sampling_without_effect_is_taken_and_named_once_in_the_log(service: MakeService) -> None:
    async with service() as s:
        body = {"model": "m:7b", "prompt": "hi", "stream": False, "options": {"temperature": 0.1, "top_k": 5}}
        with capture_logs() as logs:
            assert (await s.answered(**body)).status_code == 200
            assert (await s.post(**body)).status_code == 200
        named = [entry["option"] for entry in logs if entry["event"] == "option_without_effect"]
        assert named == ["temperature", "top_k"]
