"""What breaks on a server that is only nearly Ollama: one test for each thing that clients stumble over."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import httpx
import pytest

from e2e.services import Service

_WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
_ASKED = [{"role": "user", "content": "What is the weather in Paris?"}]


def _chat(service: Service, text: str = "hello", **fields: Any) -> httpx.Response:
    messages = [{"role": "user", "content": text}]
    return service.http.post("/api/chat", json={"model": "echo", "messages": messages, **fields})


def _names(service: Service, path: str) -> list[str]:
    return [model["model"] for model in service.http.get(path).json()["models"]]


@pytest.mark.parametrize("path", ["/", "/api/version", "/api/tags"])
def test_get_and_head_are_answered_where_ollama_has_both(service: Service, path: str) -> None:
    got, head = service.http.get(path), service.http.head(path)
    assert (got.status_code, head.status_code, head.content) == (200, 200, b"")
    assert path != "/" or got.text == "Ollama is running"


def test_the_version_is_numbers_and_dots_and_not_older_than_clients_ask_for(service: Service) -> None:
    version = service.http.get("/api/version").json()["version"]
    assert re.fullmatch(r"\d+(\.\d+)+", version)
    assert tuple(map(int, version.split("."))) >= (0, 6, 4)


def test_every_model_has_its_name_twice_a_digest_and_a_time(service: Service) -> None:
    for model in service.http.get("/api/tags").json()["models"]:
        assert model["name"] == model["model"]
        assert re.fullmatch(r"[0-9a-f]{64}", model["digest"])
        assert datetime.fromisoformat(model["modified_at"]).tzinfo


@pytest.mark.parametrize("name", ["echo", "echo:latest", "ECHO"])
@pytest.mark.parametrize("path", ["/api/show", "/api/generate", "/api/chat", "/v1/chat/completions"])
def test_latest_may_be_said_or_not_everywhere(service: Service, path: str, name: str) -> None:
    body = {"model": name, "prompt": "x", "messages": [{"role": "user", "content": "x"}], "stream": False}
    assert service.http.post(path, json=body).status_code == 200
    assert service.http.get(f"/v1/models/{name}").status_code == 200


@pytest.mark.parametrize("field", ["model", "name"])
def test_show_takes_both_names_and_has_what_plug_ins_index(service: Service, field: str) -> None:
    shown = service.http.post("/api/show", json={field: "echo"}).json()
    architecture = shown["model_info"]["general.architecture"]
    assert any(key.startswith(f"{architecture}.") for key in shown["model_info"])
    assert shown["capabilities"] == ["completion"]
    assert isinstance(shown["template"], str)


def test_an_answer_streams_unless_it_is_told_not_to(service: Service) -> None:
    streamed, null, whole = _chat(service), _chat(service, stream=None), _chat(service, stream=False)
    for response in (streamed, null):
        assert response.headers["content-type"] == "application/x-ndjson"
        assert len(response.text.splitlines()) > 1
    assert whole.headers["content-type"] == "application/json; charset=utf-8"
    assert whole.json()["done"]


@pytest.mark.parametrize("value", [300, 2.5, -1, "300s", "-1m", "1h30m", "5m", None])
def test_every_way_to_say_how_long_a_model_stays_is_taken(service: Service, value: object) -> None:
    assert _chat(service, stream=False, keep_alive=value).json()["message"]["content"] == "hello"
    assert "echo:latest" in _names(service, "/api/ps")


@pytest.mark.parametrize(
    "fields",
    [
        {"format": ""},
        {"format": None},
        {"tools": []},
        {"tools": None},
        {"think": None},
        {"think": False},
        {"options": {}},
        {"options": None},
        {"options": {"num_ctx": 131072, "low_vram": True, "nobody_knows": "x"}},
        {"logprobs": False, "truncate": None, "shift": True, "unknown": {"a": 1}},
    ],
    ids=str,
)
def test_empty_and_unknown_fields_are_taken(service: Service, fields: dict[str, Any]) -> None:
    response = _chat(service, stream=False, **fields)
    assert response.status_code == 200, response.text
    assert response.json()["message"]["content"] == "hello"


@pytest.mark.parametrize(("path", "empty"), [("/api/generate", "prompt"), ("/api/chat", "messages")])
def test_nothing_to_answer_loads_and_with_no_time_to_stay_unloads(
    service: Service, path: str, empty: str
) -> None:
    body = {"model": "echo", empty: "" if empty == "prompt" else []}
    loaded = service.http.post(path, json=body)
    assert (loaded.json()["done"], loaded.json()["done_reason"]) == (True, "load")
    assert "echo:latest" in _names(service, "/api/ps")
    unloaded = service.http.post(path, json={**body, "keep_alive": 0})
    assert (unloaded.json()["done"], unloaded.json()["done_reason"]) == (True, "unload")
    assert "echo:latest" not in _names(service, "/api/ps")


def test_arguments_of_a_call_are_an_object_here_and_a_string_there(service: Service) -> None:
    body = {"model": "assistant", "messages": _ASKED, "tools": [_WEATHER], "stream": False}
    (here,) = service.http.post("/api/chat", json=body).json()["message"]["tool_calls"]
    (choice,) = service.http.post("/v1/chat/completions", json=body).json()["choices"]
    (there,) = choice["message"]["tool_calls"]
    assert here["function"]["arguments"] == {"city": "Paris"}
    assert json.loads(there["function"]["arguments"]) == {"city": "Paris"}


def test_content_is_never_null_and_thinking_is_apart(service: Service) -> None:
    messages = [{"role": "user", "content": "What is 2 + 2?"}]
    body = {"model": "thinker", "messages": messages, "think": True}
    lines = [json.loads(line) for line in service.http.post("/api/chat", json=body).text.splitlines()]
    assert all(isinstance(line["message"]["content"], str) for line in lines)
    assert "think>" not in "".join(line["message"]["content"] for line in lines)
    assert any(line["message"].get("thinking") for line in lines)


@pytest.mark.parametrize("path", ["/api/tags", "/v1/models"])
def test_a_bearer_token_is_taken_when_none_is_asked_for(service: Service, path: str) -> None:
    assert service.http.get(path, headers={"Authorization": "Bearer any"}).status_code == 200


def test_the_time_at_which_a_model_leaves_has_a_zone(service: Service) -> None:
    _chat(service, stream=False, keep_alive="5m")
    models = service.http.get("/api/ps").json()["models"]
    assert models
    assert all(datetime.fromisoformat(model["expires_at"]).tzinfo for model in models)


def test_many_chats_at_once_are_all_answered(service: Service) -> None:
    prompts = [f"title {number}" for number in range(12)]
    with ThreadPoolExecutor(12) as clients:
        answers = list(clients.map(lambda text: _chat(service, text, stream=False).json(), prompts))
    assert [answer["message"]["content"] for answer in answers] == prompts


def test_a_request_for_a_model_that_is_not_loaded_waits_for_it(service: Service) -> None:
    service.http.post("/api/generate", json={"model": "echo", "keep_alive": 0})
    answer = _chat(service, stream=False).json()
    assert answer["message"]["content"] == "hello"
    assert answer["load_duration"] > 0


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/chat"), ("PUT", "/api/tags"), ("POST", "/api/ps"), ("GET", "/api/show")],
)
def test_a_method_that_ollama_does_not_have_is_refused(service: Service, method: str, path: str) -> None:
    assert service.http.request(method, path).status_code == 405
