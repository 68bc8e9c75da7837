"""From a hub on this machine to an answer, through a service that runs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from e2e.services import Service, free_port
from hub.local_hub import LocalHub, Repo, local_hub
from hub.pulled import WEIGHTS, hub_environment, published_files

_PATIENCE = 30


class Pulling:
    """A service without models, and the hub that it asks."""

    def __init__(self, hub: LocalHub, folder: Path, *options: str, env: dict[str, str] | None = None) -> None:
        self.hub = hub
        self.models = folder / "models"
        self.models.mkdir()
        self.file = self.models / "model-descriptor.json"
        self.file.write_text("[]")
        given = ("--descriptor", str(self.file), "--tokenizer-port", str(free_port()), *options)
        environ = {**hub_environment(hub, folder), **(env or {})}
        self.service = Service("serve", free_port(), *given, env=environ)

    def pull(self, model: str = "a/b", **fields: Any) -> httpx.Response:
        return self.service.http.post("/api/pull", json={"model": model, **fields}, timeout=_PATIENCE)

    def begun(self) -> httpx.Response:
        """A stream of which something has come."""
        request = self.service.http.build_request(
            "POST", "/api/pull", json={"model": "a/b"}, timeout=_PATIENCE
        )
        response = self.service.http.send(request, stream=True)
        assert response.status_code == 200, response.read()
        return response


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LocalHub]:
    with local_hub(a__b=Repo(published_files(tmp_path / "published"))) as running:
        yield running


def test_a_model_is_pulled_and_answers_at_once(hub: LocalHub, tmp_path: Path) -> None:
    hub.repos["a/b"].token = "hf_canary"
    pulling = Pulling(hub, tmp_path, env={"HF_TOKEN": "hf_canary"})
    with pulling.service.started() as service:
        _page_is_refused(service)
        assert hub.asked == []
        lines = [json.loads(line) for line in pulling.pull().text.splitlines()]
        assert lines[0] == {"status": "pulling manifest"}
        assert lines[-1] == {"status": "success"}
        assert all(set(line) <= {"status", "digest", "total", "completed"} for line in lines)
        answer = service.http.post(
            "/api/chat",
            json={"model": "a/b", "messages": [{"role": "user", "content": "say it"}], "stream": False},
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()["message"]["content"]
        runtimes = service.processes("axm1_llm.sim")
        assert runtimes
        assert all("HF_TOKEN" not in runtime.environ() for runtime in runtimes)
        assert "hf_canary" not in service.log
        hub.asked.clear()
        assert pulling.pull(stream=False).json() == {"status": "success"}
        assert [asked.path for asked in hub.asked] == ["/api/models/a/b"]
        assert pulling.pull("a/none").status_code == 404
        assert "not in the catalogue" in pulling.pull("llama3:latest", insecure=True).json()["error"]
        assert service.stop() == 0


def _page_is_refused(service: Service) -> None:
    """A page of the internet needs no answer to do harm: the browser sends this without asking first."""
    page = {"Origin": "https://evil.example", "Content-Type": "text/plain"}
    refused = service.http.post("/api/pull", content=b'{"model": "a/b"}', headers=page)
    assert refused.status_code == 403
    assert "--origins (AXM1_ORIGINS)" in refused.json()["error"]


def test_clients_share_a_download_which_ends_with_the_last_and_is_gone_on_with(
    hub: LocalHub, tmp_path: Path
) -> None:
    go_on = threading.Event()

    def hold(path: str, sent: int) -> None:
        if path == WEIGHTS and sent >= 600_000:
            go_on.wait(_PATIENCE)

    hub.faults.hold = hold
    pulling = Pulling(hub, tmp_path)
    with pulling.service.started() as service:
        first, second = pulling.begun(), pulling.begun()
        assert len(service.processes("axm1_llm.hub_worker")) == 1
        assert len([asked for asked in hub.asked if asked.path == "/api/models/a/b"]) == 1
        service.until(lambda: list(pulling.models.glob(".axm1-pull/a--b/parts/sha256-*")))
        first.close()
        assert service.http.get("/api/version").status_code == 200
        assert len(service.processes("axm1_llm.hub_worker")) == 1
        second.close()
        service.until(lambda: not service.processes("axm1_llm.hub_worker"))
        assert service.http.get("/api/tags").json() == {"models": []}
        go_on.set()
        assert pulling.pull(stream=False).json() == {"status": "success"}
        assert service.http.get("/api/tags").json()["models"][0]["name"].startswith("a/b")
        assert service.stop() == 0


def test_without_a_key_the_network_pulls_nothing(hub: LocalHub, tmp_path: Path) -> None:
    pulling = Pulling(hub, tmp_path, "--host", "0.0.0.0")
    with pulling.service.started():
        refused = pulling.pull()
        assert refused.status_code == 403
        assert "--allow-pull (AXM1_ALLOW_PULL=true)" in refused.json()["error"]
        assert hub.asked == []
