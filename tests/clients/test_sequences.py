"""What Home Assistant, Open WebUI and others send, call by call, and what each of them needs of the answers.

The calls are written down in ``sequences/*.json``, with every field that the client sends.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from e2e.services import Service

_SEQUENCES = sorted((Path(__file__).parent / "sequences").glob("*.json"))


@pytest.mark.parametrize("file", _SEQUENCES, ids=lambda file: file.stem)
def test_every_call_of_a_client_gets_what_the_client_needs(service: Service, file: Path) -> None:
    for step in json.loads(file.read_text("utf-8"))["steps"]:
        _take(service.url, step)


def _take(url: str, step: dict[str, Any]) -> None:
    if "together" in step:
        with ThreadPoolExecutor(len(step["together"])) as clients:
            list(clients.map(lambda one: _take(url, one), step["together"]))
        return
    try:
        _check(_send(url, step), step)
    except (AssertionError, jsonschema.ValidationError) as error:
        raise AssertionError(f"{step['about']}: {error}") from error


def _send(url: str, step: dict[str, Any]) -> httpx.Response:
    method = next(name for name in ("get", "post", "delete") if name in step)
    begin = time.monotonic()
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        response = client.request(
            method.upper(), step[method], json=step.get("body"), headers=step.get("headers")
        )
    assert time.monotonic() - begin < step.get("within", 60)
    assert response.status_code in step.get("status", [200]), f"{response.status_code}: {response.text}"
    return response


def _check(response: httpx.Response, step: dict[str, Any]) -> None:
    if "plain" in step:
        assert response.text == step["plain"]
        return
    lines = [json.loads(line) for line in response.text.splitlines() if line]
    for schema, values in (
        (step.get("answer"), [response.json()] if "answer" in step else []),
        (step.get("line"), lines),
        (step.get("last"), lines[-1:]),
    ):
        if schema is not None:
            assert values
            for value in values:
                jsonschema.validate(value, schema)
    _check_message(lines, step)


def _check_message(lines: list[dict[str, Any]], step: dict[str, Any]) -> None:
    messages = [line["message"] for line in lines if "message" in line]
    text = "".join(message["content"] for message in messages)
    if "text" in step:
        assert text.strip() == step["text"]
    if "json" in step:
        assert json.loads(text) == step["json"]
    if "calls" in step:
        calls = [call["function"] for message in messages for call in message.get("tool_calls", [])]
        assert [[call["name"], call["arguments"]] for call in calls] == step["calls"]
