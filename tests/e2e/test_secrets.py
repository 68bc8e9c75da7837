"""No prompt, answer or key is in a log, a metric, a file, an error, an argument or an environment."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from e2e.conftest import Serve
from e2e.models import Model
from e2e.processes import processes_of
from e2e.services import Service
from e2e.vendor_script import write_script_tokenizer

# The stand-in answers with the prompt, so that one word is the canary for both.
_PROMPT = "canaryprompt"
_KEY = "canary-key-3f9a"
_FOREIGN_KEY = "canary-wrong-key-77"
_HEADERS = {"Authorization": f"Bearer {_KEY}"}
_STALL = ("--output-timeout", "3s", "--prefill-timeout", "3s")
_FAULTS = ("segfault_after_tokens=6", "exit_after_tokens=6", "invalid_utf8_after_tokens=6", "endless_line")


@pytest.fixture(scope="module")
def models(model: Callable[..., Model]) -> list[Model]:
    flags = "--sim_max_token_len 512"
    faulty = [
        model(flags, name=fault.partition("=")[0], env={"AXM1_SIM_FAULTS": f"{fault}:once=marker"})
        for fault in _FAULTS
    ]
    scripted = model(flags, name="scripted", tokenizer_py="tokenizer.py")
    write_script_tokenizer(scripted.folder, "tokenizer.py")
    # It prints bare text: what is log and what is answer has to be told apart.
    bare = {
        "tokenizer": "none",
        "tokenizer_port": None,
        "env": {"AXM1_SIM_FAULTS": "segfault_after_tokens=6"},
    }
    return [model(flags), *faulty, scripted, model(flags, name="bare", **bare)]


def _start(serve: Serve, models: list[Model], folder: Path, *options: str) -> Service:
    prom = folder / "prom"
    prom.mkdir()
    options = ("--log-level", "debug", "--metrics-dir", str(prom), *_STALL, *options)
    service = serve(*models, options=options, env={"AXM1_API_KEY": _KEY})
    service.http.headers.update(_HEADERS)
    return service


def _refusals(service: Service) -> list[httpx.Response]:
    """What is refused before it is a prompt; each has a canary in it."""
    http = service.http
    long = " ".join([_PROMPT] * 200)
    asked = {"model": "sim", "stream": False}
    return [
        http.get("/api/tags", headers={"Authorization": f"Bearer {_FOREIGN_KEY}"}),
        http.get("/api/tags", headers={"x-api-key": _FOREIGN_KEY, "Authorization": f"Basic {_FOREIGN_KEY}"}),
        http.post("/api/generate", content=f'{{"model": "sim", "prompt": "{_PROMPT}'),
        http.post("/api/generate", content=f'{{"model": "sim", "prompt": ["{_PROMPT}"]}}'),
        http.post("/api/generate", json={**asked, "prompt": _PROMPT, "options": {"seed": _PROMPT}}),
        http.post("/api/generate", json={**asked, "prompt": _PROMPT, "images": [_PROMPT]}),
        http.post("/api/generate", json={**asked, "prompt": long, "truncate": False}),
        http.post("/api/generate", json={**asked, "prompt": _PROMPT, "template": "{{ messages[0].x.y }}"}),
        http.post("/api/generate", json={**asked, "prompt": _PROMPT, "template": "{{ 'x' * 10 ** 9 }}"}),
        http.post("/api/generate", json={**asked, "prompt": _PROMPT, "model": "unknown"}),
        http.post("/v1/chat/completions", json={"model": "sim", "messages": [{"role": _PROMPT}]}),
        http.post("/v1/messages", json={"model": "sim", "messages": [{"content": {"x": _PROMPT}}]}),
        http.post("/api/chat", json={"model": "sim", "messages": [{"role": "user", "content": [_PROMPT]}]}),
    ]  # fmt: skip


def _failures(service: Service) -> list[httpx.Response]:
    """What fails as a prompt, or in the middle of an answer."""
    long = " ".join([_PROMPT] * 8)
    answers = [service.post(long, fault.partition("=")[0]) for fault in _FAULTS]
    answers += [service.post(long, "bare"), service.post(long, "scripted")]
    for victim in ("axm1_llm.sim", "tokenizer-service"):
        answers.append(service.post(_PROMPT))
        for process in service.processes(victim):
            process.kill()
    answers.append(service.post(_PROMPT))
    return answers


def test_what_clients_say_stands_in_their_answers_only(
    serve_once: Serve, models: list[Model], tmp_path: Path
) -> None:
    service = _start(serve_once, models, tmp_path)
    refused = _refusals(service)
    assert [response.status_code for response in refused] == [401] * 2 + [400] * 7 + [404] + [400] * 3
    failed = _failures(service)
    errors = [response for response in failed if response.status_code != 200 or "error" in response.json()]
    assert len(errors) >= 3, [response.text for response in failed]
    told = {
        "log": service.log,
        "metrics": service.http.get("/metrics").text,
        "status": service.http.get("/api/status").text,
        **{f"runtime {one.name}": service.http.get(f"/api/logs/{one.name}").text for one in models},
        **{f"refusal {number}": response.text for number, response in enumerate(refused)},
        **{f"failure {number}": _without_answer(response) for number, response in enumerate(errors)},
        **{f"file {file.name}": file.read_text("utf-8") for file in (tmp_path / "prom").iterdir()},
    }
    assert {place for place, text in told.items() if "canary" in text} == set()
    assert service.log.count("model_failed") >= 5  # it was not silent
    _assert_nothing_in_processes(service)


def _without_answer(response: httpx.Response) -> str:
    """What an error says; the client's own answer, which stands beside it, is the client's."""
    body = response.json()
    return json.dumps({name: value for name, value in body.items() if name not in {"response", "message"}})


def _assert_nothing_in_processes(service: Service) -> None:
    for process in processes_of(service.mark):
        folder = Path(f"/proc/{process.pid}")
        assert b"canary" not in (folder / "cmdline").read_bytes()
        if process.pid != service.pid:
            assert b"canary" not in (folder / "environ").read_bytes()


def test_prompts_are_logged_by_a_switch_that_says_so(
    serve_once: Serve, models: list[Model], tmp_path: Path
) -> None:
    service = _start(serve_once, models[:1], tmp_path, "--log-prompts", "--log-format", "json")
    headers = {"X-Request-Id": "my-own-name"}
    body = {"model": "sim", "prompt": _PROMPT, "stream": False}
    assert service.http.post("/api/generate", json=body, headers=headers).status_code == 200
    assert service.ask(_PROMPT, raw=True)["done"]
    lines = [json.loads(line) for line in service.log.splitlines() if line.startswith("{")]
    warning = next(line for line in lines if line["event"] == "prompts_are_logged")
    assert warning["level"] == "warning"
    first, raw = (line for line in lines if line["event"] == "prompt_text")
    assert (first["request_id"], first["model"], first["level"]) == ("my-own-name", "sim", "info")
    assert first["prompt"] == [{"role": "user", "content": _PROMPT}]
    assert raw["prompt"] == _PROMPT
    assert _KEY not in service.log
