"""The stand-in for `axllm serve` does what the vendor's source does."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from axm1_llm.sim.axllm.script import read_script

_PATIENCE = 60.0


@dataclass
class StandIn:
    """A running stand-in and a client of it."""

    process: subprocess.Popen[bytes]
    http: httpx.Client

    def chat(self, text: str, **fields: Any) -> list[Any]:
        """What comes of a prompt, as JSON; the last one is `[DONE]`."""
        messages = [{"role": "user", "content": text}]
        body = {"model": "vendor/m", "messages": messages, "stream": True, **fields}
        with self.http.stream("POST", "/v1/chat/completions", json=body) as response:
            assert response.status_code == 200, response.read()
            words = [line.removeprefix("data: ") for line in response.iter_lines() if line]
        return [word if word == "[DONE]" else json.loads(word) for word in words]

    def healthy(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if self.http.get("/health").status_code == 200:
                    return
            except httpx.TransportError:
                continue
        raise AssertionError("it did not come up")


@contextmanager
def stand_in(folder: Path, port: int, **config: Any) -> Iterator[StandIn]:
    (folder / "config.json").write_text(json.dumps({"model_name": "vendor/m", **config}))
    words = ("-m", "axm1_llm.sim.axllm", "serve", str(folder), "--port", str(port))
    with (
        subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=_PATIENCE, trust_env=False) as http,
    ):
        running = StandIn(process, http)
        try:
            running.healthy()
            yield running
        finally:
            process.kill()


@pytest.fixture
def port() -> int:
    import socket  # noqa: PLC0415 - of this fixture only

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
        return found


def test_an_answer_streams_and_ends_with_reason_figures_and_done(tmp_path: Path, port: int) -> None:
    with stand_in(tmp_path, port) as server:
        *pieces, end, done = server.chat("hi you")
        assert "".join(piece["choices"][0]["delta"]["content"] for piece in pieces) == "hi you"
        assert end["choices"][0]["finish_reason"] == "stop"
        assert end["usage"] == {"prompt_tokens": 2, "completion_tokens": 6, "total_tokens": 8}
        assert done == "[DONE]"


def test_it_says_stop_at_a_limit_too(tmp_path: Path, port: int) -> None:
    with stand_in(tmp_path, port) as server:
        *pieces, end, _ = server.chat("abcdef", max_tokens=2)
        assert len(pieces) == 2
        assert end["choices"][0]["finish_reason"] == "stop"


def test_an_answer_goes_on_when_its_client_is_gone(tmp_path: Path, port: int) -> None:
    with stand_in(tmp_path, port, sim={"token_ms": 20}) as server:
        body = {"model": "vendor/m", "messages": [{"role": "user", "content": "x" * 25}], "stream": True}
        with server.http.stream("POST", "/v1/chat/completions", json=body) as response:
            next(response.iter_lines())
        began = time.monotonic()
        server.chat("y")
        assert time.monotonic() - began > 0.3


def test_it_leaves_on_sigint_with_code_0_and_prints_every_answer(tmp_path: Path, port: int) -> None:
    with stand_in(tmp_path, port) as server:
        server.chat("spoken out")
        server.process.send_signal(signal.SIGINT)
        printed, _ = server.process.communicate(timeout=_PATIENCE)
        assert server.process.returncode == 0
        assert b"LLM init ok" in printed
        assert b"spoken out" in printed


def test_another_model_and_another_kind_of_request_are_refused(tmp_path: Path, port: int) -> None:
    with stand_in(tmp_path, port) as server:
        for path, name in (("/v1/chat/completions", "other"), ("/v1/embeddings", "vendor/m")):
            response = server.http.post(path, json={"model": name, "messages": [], "input": ["x"]})
            assert response.status_code == 400
            assert "is not available" in response.json()["error"]["message"]


def test_an_unknown_fault_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"sim": {"faults": ["no_such=1"]}}))
    with pytest.raises(ValueError, match="unknown fault 'no_such'"):
        read_script(tmp_path)
