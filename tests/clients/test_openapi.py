"""The service's own OpenAPI description, tried out operation by operation with what schemathesis makes up."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from clients.clients import Environments, environment
from clients.conftest import KEY
from e2e.services import Service

pytestmark = pytest.mark.timeout(1600)  # the first test of a run may have to fetch schemathesis

_NAMES = ["echo", "assistant:latest", "thinker", "nobody"]
_CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "unsupported_method")
_ANSWERING = ("/api/generate", "/api/chat", "/v1/chat/completions", "/v1/responses", "/v1/messages")
_AT_MOST = 200.0  # seconds; it takes a quarter of that


def test_no_operation_ever_gives_a_server_error_or_a_status_that_it_does_not_declare(
    environments: Environments, service: Service, tmp_path: Path
) -> None:
    statuses = _try_out(environments, service, tmp_path, "--phases", "examples,coverage,fuzzing", examples=30)
    # It is no merit to refuse everything.
    assert min(statuses[path, 200] for path in _ANSWERING) > 10, statuses
    assert service.status("echo")["status"] != "failed"


def test_nor_does_one_where_clients_have_to_send_a_key(
    environments: Environments, guarded: Service, tmp_path: Path
) -> None:
    guarded.http.headers["Authorization"] = f"Bearer {KEY}"
    key = ("-H", f"Authorization: Bearer {KEY}")
    statuses = _try_out(environments, guarded, tmp_path, "--phases", "fuzzing", *key, examples=10)
    assert sum(statuses[path, 200] for path in _ANSWERING) > 4, statuses


def test_without_the_key_nothing_is_answered_but_what_uptime_checks_ask(
    environments: Environments, guarded: Service, tmp_path: Path
) -> None:
    guarded.http.headers["Authorization"] = f"Bearer {KEY}"
    statuses = _try_out(environments, guarded, tmp_path, "--phases", "fuzzing", examples=5)
    answered = {path for path, status in statuses if status == 200}
    # The web page is open, and empty without the key.
    assert {path for path in answered if not path.startswith("/ui")} == {"/", "/health", "/ready"}, statuses
    assert guarded.status("echo")["transitions"] == []


def _try_out(
    environments: Environments, service: Service, folder: Path, *options: str, examples: int
) -> Counter[tuple[str, int]]:
    """How many calls of each path ended with each status, once none broke the description."""
    description = service.http.get("/openapi.json").json()
    operations = sum(len(methods) for methods in description["paths"].values())
    _name_models(description)
    (folder / "openapi.json").write_text(json.dumps(description), "utf-8")
    done = subprocess.run(
        [
            str(environments.program("python", "schemathesis")),
            *("--config-file", str(Path(__file__).with_name("schemathesis.toml"))),
            *("run", "openapi.json", "--url", service.url, "--checks", ",".join(_CHECKS), *options),
            *("--max-examples", str(examples), "--seed", "20261122"),
            *("--generation-database", "none", "--no-shrink", "--request-timeout", "20"),
            *("--no-color", "--warnings", "off", "--report", "ndjson", "--report-ndjson-path", "calls"),
        ],
        cwd=folder,
        env=environment(str(folder)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_AT_MOST,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert re.findall(r"Tested: (\d+)", done.stdout) == [str(operations)]
    assert operations > 25
    return _statuses((folder / "calls").read_text("utf-8"))


def _statuses(report: str) -> Counter[tuple[str, int]]:
    found: Counter[tuple[str, int]] = Counter()
    parts: list[Any] = [json.loads(line) for line in report.splitlines()]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            request, response = part.get("request"), part.get("response")
            if isinstance(request, dict) and isinstance(response, dict):
                found[urlsplit(request["uri"]).path, response["status_code"]] += 1
            parts += part.values()
        elif isinstance(part, list):
            parts += part
    return found


def _name_models(part: Any) -> None:
    """Let the requests name models that there are; made-up names would never get past the 404."""
    if isinstance(part, dict):
        properties = part.get("properties")
        if isinstance(properties, dict):
            for name in ("model", "name", "from", "source"):
                if properties.get(name, {}).get("type") == "string":
                    properties[name] = {"enum": _NAMES}
        if part.get("in") == "path" and part.get("name") == "model":
            part["schema"] = {"enum": _NAMES}
        for value in part.values():
            _name_models(value)
    elif isinstance(part, list):
        for value in part:
            _name_models(value)
