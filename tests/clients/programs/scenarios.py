"""Runs what a client's user does, one scenario after the other, and prints what came of each: a JSON line.

A program of this folder says ``scenario = Scenarios()``, marks its functions with ``@scenario``, and ends
with ``scenario.run()``. What a function returns is its result; what it raises is told with its traceback,
and the next one runs.
"""

from __future__ import annotations

import asyncio
import http.client
import inspect
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

URL = os.environ.get("SERVICE_URL", "")
REAL, ECHO, TOOLS, THINKER, SLOW = "smollm2:135m", "echo", "assistant", "thinker", "slow"

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string", "description": "Name of the city"}},
    "required": ["city"],
}
FACTS = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
    "required": ["city", "degrees"],
}


class Scenarios:
    """The functions of one program in the order in which they are written."""

    def __init__(self) -> None:
        self._functions: list[Callable[[], Any]] = []

    def __call__(self, function: Callable[[], Any]) -> Callable[[], Any]:
        self._functions.append(function)
        return function

    def run(self) -> None:
        """Run them all, or those that the command line names."""
        for function in self._functions:
            if not sys.argv[1:] or function.__name__ in sys.argv[1:]:
                told = {"scenario": function.__name__, **_outcome(function)}
                print(json.dumps(told, default=str), flush=True)  # noqa: T201 - what the test reads


def _outcome(function: Callable[[], Any]) -> dict[str, Any]:
    begin = time.monotonic()
    try:
        result = function()
        if inspect.isawaitable(result):
            result = asyncio.run(_awaited(result))
    except Exception:  # noqa: BLE001 - whatever it is, the test shows it
        return {"trace": traceback.format_exc(), "seconds": time.monotonic() - begin}
    return {"result": result, "seconds": time.monotonic() - begin}


async def _awaited(result: Any) -> Any:
    return await result


def refusal(call: Callable[[], Any], kind: type[Exception]) -> dict[str, Any]:
    """What the client makes of a request that is refused: its own exception, with what it knows."""
    try:
        answer = call()
    except kind as error:
        return {
            "kind": type(error).__name__,
            "text": str(error),
            "status": getattr(error, "status_code", None),
        }
    raise AssertionError(f"it was not refused: {answer!r}")


def seconds_until(model: str, wanted: str) -> float:
    """How long it takes until the model has this status: ``ready`` when its client has left; at most ten."""
    begin = time.monotonic()
    while (found := _status(model))["status"] != wanted:
        if time.monotonic() - begin > 10:
            raise AssertionError(f"{model} is not {wanted}: {found}")
        time.sleep(0.02)
    return time.monotonic() - begin


def _status(model: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection(URL.removeprefix("http://"), timeout=10)
    try:
        connection.request("GET", f"/api/status/{model}")
        found: dict[str, Any] = json.load(connection.getresponse())
    finally:
        connection.close()
    return found
