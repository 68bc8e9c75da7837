"""SIGTERM: what is in hand may end, nothing new begins, and nothing is left."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import httpx
import pytest

from e2e.conftest import Serve
from e2e.models import Model, write_descriptor
from e2e.services import Program, Service, free_port

_SLOW = "--sim_max_token_len 8192 --sim_tokens_per_second 100"
_REFUSED = "the service is shutting down, please try again later"
_TALK: dict[str, Any] = {"model": "sim", "messages": [{"role": "user", "content": "new"}]}
_PROMPTS: dict[str, dict[str, Any]] = {
    "/api/generate": {"model": "sim", "prompt": "new"},
    "/api/chat": _TALK,
    "/v1/chat/completions": _TALK,
    "/v1/completions": {"model": "sim", "prompt": "new"},
    "/v1/responses": {"model": "sim", "input": "new"},
    "/v1/messages": {**_TALK, "max_tokens": 5},
}


@pytest.fixture
def service(serve_once: Serve, model: Callable[..., Model]) -> Service:
    return serve_once(model(_SLOW, run_on_startup=True), options=("--drain-timeout", "15s"))


def _refusal(response: httpx.Response) -> None:
    assert response.status_code == 503, response.text
    assert int(response.headers["retry-after"]) > 0
    error = response.json()["error"]
    assert (error if isinstance(error, str) else error["message"]) == _REFUSED


def _call(service: Service, method: str, path: str, **given: Any) -> httpx.Response:
    """On a connection of its own."""
    with httpx.Client(base_url=service.url, trust_env=False, verify=False) as client:  # noqa: S501 - no TLS
        return client.request(method, path, **given)


def _draining(service: Service) -> None:
    service.signal(signal.SIGTERM)
    service.until(lambda: service.http.get("/ready").status_code == 503)


def _follower(service: Service) -> socket.socket:
    """A client that follows the log, once it has got lines."""
    connection = socket.create_connection(("127.0.0.1", service.port), 20)
    connection.sendall(b"GET /api/logs/sim?follow=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert b"200 OK" in connection.recv(65536)
    return connection


def _rest_of(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def test_while_an_answer_ends_new_prompts_are_told_to_come_again_and_the_status_answers(
    service: Service,
) -> None:
    answer = service.begin("n" * 500)
    with closing(_follower(service)) as follower, closing(service.sent("waiting already")) as queued:
        service.until(lambda: service.status()["queue_length"] == 1)
        _draining(service)
        service.signal(signal.SIGTERM)  # impatience changes nothing
        assert _rest_of(follower).endswith(b"0\r\n\r\n")
        for path, body in _PROMPTS.items():
            _refusal(service.http.post(path, json={**body, "stream": True}))  # on a kept connection
            _refusal(_call(service, "POST", path, json={**body, "stream": False}))
        _refusal(service.http.post("/api/generate", json={"model": "sim"}))  # only to load
        assert service.http.get("/ready").json() == {"status": "leaving", "waiting_for": []}
        for path in ("/health", "/api/status", "/metrics", "/api/tags", "/v1/models", "/api/ps"):
            assert _call(service, "GET", path).status_code == 200
        assert json.loads(list(answer.iter_lines())[-1])["done_reason"] == "stop"
        assert b'"done_reason":"stop"' in _rest_of(queued)
    assert service.wait() == 0
    assert service.left(2) == []
    assert "Traceback" not in service.log


def test_a_service_with_nothing_in_hand_leaves_at_once_whoever_is_connected(service: Service) -> None:
    address = ("127.0.0.1", service.port)
    with ExitStack() as stack:
        stack.enter_context(closing(_follower(service)))
        for sent in (
            b"",
            b"GET /health HT",
            b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b'POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"model"',
        ):
            connection = stack.enter_context(socket.create_connection(address, 20))
            connection.sendall(sent)
        assert service.http.get("/health").status_code == 200
        begun = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - begun < 8  # of 15
    assert "Traceback" not in service.log


def test_when_the_last_answer_is_not_wanted_any_more_the_service_leaves_at_once(service: Service) -> None:
    answer = service.begin("n" * 1500)  # 15 s
    begun = time.monotonic()
    _draining(service)
    answer.close()
    assert service.wait() == 0
    assert time.monotonic() - begun < 8
    assert service.left(2) == []


def test_a_second_attempt_of_a_structured_answer_is_nothing_new(
    serve_once: Serve, model: Callable[..., Model]
) -> None:
    described = model(_SLOW, "--sim_answers answers.json", run_on_startup=True)
    rules = [
        {"match": "cannot be used", "answer": '{"right": 1}'},
        {"match": "wrong", "answer": "no JSON " * 20},
    ]
    described.folder.mkdir(parents=True)
    (described.folder / "answers.json").write_text(json.dumps(rules))
    service = serve_once(described, options=("--drain-timeout", "15s"))
    with closing(service.sent("wrong", format="json", stream=False)) as asking:
        service.until_status("outputting")
        _draining(service)
        assert service.status()["status"] == "outputting"
        answer = _rest_of(asking)
    assert b"200 OK" in answer
    assert b'{\\"right\\": 1}' in answer
    assert service.wait() == 0


@pytest.fixture
def apart(model: Callable[..., Model], tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Any]]:
    """Both services as they run in containers of their own, and how to start another tokenizer-service."""
    folder = tmp_path_factory.mktemp("apart")
    descriptor = write_descriptor(folder, model(_SLOW, run_on_startup=True))
    port = str(free_port())
    options = ("--descriptor", str(descriptor), "--tokenizer-port", port, "--drain-timeout", "10s")
    env = {"AXM1_INTERNAL_TOKEN": "a-token-of-the-tests"}
    with ExitStack() as stack:

        def tokenizer_service() -> Program:
            return stack.enter_context(Program("tokenizer-service", *options, env=env))

        first = tokenizer_service()
        llm = stack.enter_context(Service("llm-service", free_port(), *options, env=env))
        yield [llm.started(), first, tokenizer_service]


def test_a_tokenizer_service_that_leaves_cuts_no_answer_and_the_next_prompt_waits_for_its_successor(
    apart: list[Any],
) -> None:
    service, leaving, start_another = apart
    answer = service.begin("n" * 150)
    with closing(service.sent("the next one")) as waiting:
        leaving.signal(signal.SIGTERM)
        lines = [json.loads(line) for line in answer.iter_lines()]
        assert lines[-1].get("done_reason") == "stop", lines[-1]
        assert leaving.wait() == 0
        start_another()
        assert b'"done_reason":"stop"' in _rest_of(waiting), service.log
    assert service.stop() == 0
