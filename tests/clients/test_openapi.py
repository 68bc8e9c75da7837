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
from e2e.services import Service

pytestmark = pytest.mark.timeout(1600)  # the first test of a run may have to fetch schemathesis

_NAMES = ["echo", "assistant:latest", "thinker", "nobody"]
_CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "unsupported_method")
_ANSWERING = ("/api/generate", "/api/chat", "/v1/chat/completions", "/v1/responses", "/v1/messages")
_AT_MOST = 200.0  # seconds; it takes a quarter of that


def test_no_operation_ever_gives_a_server_error_or_a_status_that_it_does_not_declare(
    environments: Environments, service: Service, tmp_path: Path
) -> None:
    description = service.http.get("/openapi.json").json()
    operations = sum(len(methods) for methods in description["paths"].values())
    _name_models(description)
    (tmp_path / "openapi.json").write_text(json.dumps(description), "utf-8")
    done = subprocess.run(
        [
            str(environments.program("python", "schemathesis")),
            *("--config-file", str(Path(__file__).with_name("schemathesis.toml"))),
            *("run", "openapi.json", "--url", service.url, "--checks", ",".join(_CHECKS)),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", "30", "--seed", "20261122"),
            *("--generation-database", "none", "--no-shrink", "--request-timeout", "20"),
            *("--no-color", "--warnings", "off", "--report", "ndjson", "--report-ndjson-path", "calls"),
        ],
        cwd=tmp_path,
        env=environment(str(tmp_path)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_AT_MOST,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert re.findall(r"Tested: (\d+)", done.stdout) == [str(operations)]
    assert operations > 25
    # It is no merit to refuse everything.
    answered = _answered((tmp_path / "calls").read_text("utf-8"))
    assert min(answered[path] for path in _ANSWERING) > 10, answered
    assert service.status("echo")["status"] != "failed"


def _answered(report: str) -> Counter[str]:
    """How many calls of each path ended with 200."""
    found: Counter[str] = Counter()
    parts: list[Any] = [json.loads(line) for line in report.splitlines()]
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            request, response = part.get("request"), part.get("response")
            if isinstance(request, dict) and isinstance(response, dict) and response["status_code"] == 200:
                found[urlsplit(request["uri"]).path] += 1
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
        for value in part.values():
            _name_models(value)
    elif isinstance(part, list):
        for value in part:
            _name_models(value)
