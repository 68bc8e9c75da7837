from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from api.conftest import MakeService
from axm1_llm.api.bodies import LARGEST_BODY, read_body
from axm1_llm.api.ollama.bodies import GenerateBody
from axm1_llm.errors import RequestCancelledError

NESTED = "[" * 200 + "]" * 200


@pytest.mark.parametrize(
    "value",
    [
        pytest.param('"\\ud83d"', id="half a character"),
        pytest.param("NaN", id="no number"),
        pytest.param("1e999", id="infinite"),
        pytest.param("9" * 5000, id="endless"),
        pytest.param(NESTED, id="deep"),
        pytest.param("[" * 100_000, id="bottomless"),
        pytest.param('"\\x"', id="bad escape"),
        pytest.param('"\xff', id="no UTF-8"),
    ],
)
@pytest.mark.parametrize("path", ["/api/generate", "/api/chat", "/api/show", "/api/create", "/api/embed"])
async def test_json_that_cannot_be_used_is_400_wherever_it_stands(
    service: MakeService, path: str, value: str
) -> None:
    async with service() as s:
        content = f'{{"model":"m:7b","prompt":"hi","any":{value}}}'.encode("latin-1")
        response = await s.http.post(path, content=content)
        assert response.status_code == 400
        assert "invalid JSON" in response.json()["error"]


async def test_a_client_that_leaves_before_its_body_is_read_is_no_defect() -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    request = Request({"type": "http", "method": "POST", "path": "/api/generate", "headers": []}, gone)
    with pytest.raises(RequestCancelledError):
        await read_body(request, GenerateBody)


@pytest.mark.parametrize(
    "options",
    [
        {"seed": 2**64},
        {"seed": -(2**70)},
        {"num_predict": True},
        {"top_k": "40"},
        {"temperature": [1]},
        {"use_mmap": 1},
        {"num_ctx": "8k"},
        {"stop": [1]},
    ],
)
async def test_options_of_the_wrong_type_are_named(service: MakeService, options: dict[str, Any]) -> None:
    async with service() as s:
        body = {"model": "m:7b", "prompt": "hi", "options": options}
        response = await s.http.post("/api/generate", content=json.dumps(body))
        assert response.status_code == 400
        assert response.json()["error"].startswith(f'option "{next(iter(options))}" must be of type ')


async def test_a_body_that_is_too_large_is_413(service: MakeService) -> None:
    async with service() as s:
        response = await s.http.post("/api/generate", content=b" " * (LARGEST_BODY + 1))
        assert response.status_code == 413
        assert "larger than" in response.json()["error"]


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions", "/v1/messages"])
async def test_a_body_of_very_many_small_objects_is_too_large(service: MakeService, path: str) -> None:
    turns = ",".join(['{"role":"user","content":""}'] * 60_000)
    async with service() as s:
        response = await s.http.post(path, content=f'{{"model":"m:7b","messages":[{turns}]}}')
        assert response.status_code == 413
        assert "more than 100000 values" in response.text


async def test_more_turns_tools_or_calls_than_anybody_works_through_are_too_large(
    service: MakeService,
) -> None:
    turn: dict[str, Any] = {"role": "user", "content": ""}
    call = {"function": {"name": "f"}}
    bodies: list[dict[str, Any]] = [
        {"messages": [turn] * 10_001},
        {"messages": [turn], "tools": [{}] * 1_001},
        {"messages": [turn, {"role": "assistant", "tool_calls": [call] * 1_001}, turn]},
    ]
    async with service() as s:
        for body in bodies:
            response = await s.http.post("/api/chat", json={"model": "m:7b", **body})
            assert (response.status_code, "at most" in response.json()["error"]) == (413, True)


async def test_a_name_of_any_length_comes_back_short(service: MakeService) -> None:
    async with service() as s:
        for name in ("x" * 100_000, "../" * 1000, "a\r\nSet-Cookie: b" * 1000):
            response = await s.post(model=name, prompt="hi")
            assert (response.status_code, len(response.content) < 400) == (404, True)


@pytest.mark.parametrize("route", ["/api/status/", "/api/logs/", "/v1/models/"])
@pytest.mark.parametrize(
    "name", ["..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/x", "x%00", "%ff", "a%0d%0ab", "\\.."]
)
async def test_a_path_that_is_no_name_finds_no_model(service: MakeService, route: str, name: str) -> None:
    async with service() as s:
        assert (await s.http.get(route + name)).status_code == 404
