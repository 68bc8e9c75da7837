"""Models of the third generation beside one of the first, through the whole service."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from e2e.axllm_models import ServerModel
from e2e.conftest import Serve
from e2e.models import Model
from e2e.services import Service, text_of

_TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def _folder(folders: pytest.TempPathFactory, name: str) -> Path:
    return folders.mktemp(name)


@pytest.fixture(scope="module")
def service(serve: Serve, model: Callable[..., Model], tmp_path_factory: pytest.TempPathFactory) -> Service:
    """A first-generation model, and servers for answers and for vectors."""
    slow = {"sim": {"token_ms": 10}}
    return serve(
        model(name="first"),
        ServerModel(
            _folder(tmp_path_factory, "third"), keys={"capabilities": ["completion", "tools", "thinking"]}
        ),
        ServerModel(_folder(tmp_path_factory, "slow"), "slow", slow),
        ServerModel(
            _folder(tmp_path_factory, "vectors"),
            "vectors",
            {"is_embedding": True},
            {"capabilities": ["embedding"]},
        ),
    )


def _servers(service: Service) -> list[psutil.Process]:
    return service.processes("axm1_llm.sim.axllm")


def test_both_generations_answer_beside_each_other(service: Service) -> None:
    assert service.ask("hello", "first")["response"] == "hello"
    answer = service.ask("hello third", "third")
    assert (answer["response"], answer["done_reason"]) == ("hello third", "stop")
    assert (answer["prompt_eval_count"], answer["eval_count"]) == (2, len("hello third"))
    assert text_of(list(service.stream("and streamed", "third"))) == "and streamed"
    loaded = {each["name"] for each in service.http.get("/api/ps").json()["models"]}
    assert {name.removesuffix(":latest") for name in loaded} >= {"first", "third"}


def test_the_states_are_those_of_every_model(service: Service) -> None:
    service.ask("hello", "third")
    service.until_status("ready", "third")
    history = service.http.get("/api/status/third/history").json()["transitions"]
    seen = [step["to"] for step in history]
    assert seen[:4] == ["waiting_for_tokenizer", "starting", "initializing", "ready"]
    assert {"processing_prompt", "outputting"} <= set(seen)
    assert service.status("third")["context_length"] == 2047


def test_its_figures_are_in_the_metrics(service: Service) -> None:
    service.ask("hello", "third")
    lines = service.http.get("/metrics").text.splitlines()
    assert any(
        line.startswith("axm1_") and 'model="third"' in line and "prompt_tokens" in line for line in lines
    )


def test_a_conversation_and_its_tool_call_go_through_the_chat_api(service: Service) -> None:
    messages = [{"role": "user", "content": 'call weather {"city": "Rome"}'}]
    body = {"model": "third", "messages": messages, "tools": [_TOOL], "stream": False}
    (call,) = service.http.post("/api/chat", json=body).json()["message"]["tool_calls"]
    assert call["function"]["name"] == "weather"
    assert call["function"]["arguments"] == {"city": "Rome"}


def test_the_prompt_of_a_client_that_leaves_frees_the_server(service: Service) -> None:
    response = service.begin("x" * 100, "slow")
    response.close()
    service.until_status("ready", "slow")
    assert service.ask("next", "slow")["response"] == "next"
    seen = [step["to"] for step in service.http.get("/api/status/slow/history").json()["transitions"]]
    assert "cancelling" in seen
    assert "failed" not in seen


def test_a_server_that_is_killed_is_started_again_for_the_next_prompt(service: Service) -> None:
    service.ask("hello", "third")
    (before,) = [each for each in _servers(service) if "/third" in " ".join(each.cmdline())]
    before.send_signal(signal.SIGKILL)
    service.until_status("failed", "third")
    assert "SIGKILL" in service.status("third")["failure"]["reason"]
    assert service.ask("again", "third")["response"] == "again"


def test_a_server_leaves_when_its_keep_alive_is_over(service: Service) -> None:
    assert service.ask("hello", "third", keep_alive="50ms")["response"] == "hello"
    service.until_status("idle", "third")
    assert not [each for each in _servers(service) if "/third" in " ".join(each.cmdline())]


def test_texts_become_vectors(service: Service) -> None:
    body: dict[str, Any] = {"model": "vectors", "input": ["one", "two", "one"]}
    found = service.http.post("/api/embed", json=body).json()
    first, second, third = found["embeddings"]
    assert first == third != second
    assert found["prompt_eval_count"] == 3
    openai = service.http.post("/v1/embeddings", json=body).json()
    assert openai["data"][1]["embedding"] == pytest.approx(second)


def test_what_a_model_is_not_for_is_refused(service: Service) -> None:
    for model in ("first", "third"):
        response = service.http.post("/api/embed", json={"model": model, "input": "text"})
        assert response.status_code == 400
        assert response.json()["error"] == f'"{model}" does not support embeddings'
    response = service.post("hello", "vectors")
    assert response.status_code == 400
    assert "does not support generate" in response.json()["error"]


def test_no_server_outlives_the_service(serve_once: Serve, tmp_path: Path) -> None:
    killed = serve_once(ServerModel(tmp_path))
    killed.ask("hello", "third")
    assert _servers(killed)
    killed.signal(signal.SIGKILL)
    assert killed.left(5) == []


def test_a_server_that_does_not_come_up_is_named_with_its_own_words(
    serve_once: Serve, tmp_path: Path
) -> None:
    broken = serve_once(ServerModel(tmp_path, config={"sim": {"faults": ["exit_at_layer=0"]}}))
    response = broken.post("hello", "third")
    assert response.status_code == 500
    assert "init axmodel(l0.axmodel) failed" in json.loads(response.text)["error"]
    assert broken.stop() == 0


def test_nothing_is_left_at_the_end(service: Service) -> None:
    assert service.stop() == 0
