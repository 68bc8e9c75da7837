"""Every way a runtime fails: the reason is told, the next prompt works, and nothing is left at the end."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from e2e.conftest import Serve
from e2e.models import Model
from e2e.services import Service, text_of

_STALL = 1  # seconds that a runtime may say nothing

# Fault: words of the reason.
_LOAD = {
    "no_card": "axcl_Init(0) failed",
    "device_failed": "Set AXCL device failed",
    "tokenizer_failed": "tokenizer.Init(http://localhost:",
    "embed_missing": "open failed",
    "layer_failed=2": "init axmodel(tiny/tiny_p128_l2_together.axmodel) failed",
    "post_failed": "init axmodel(model/post.axmodel) failed",
    "cmm_short=2": "init axmodel(tiny/tiny_p128_l2_together.axmodel) failed",
    "init_failed": "lLaMa.Init failed",
    "exit_at_layer=1": "exited with code 1",
    "segfault_at_start": "SIGSEGV",
    "stall_at_layer=1": f"printed nothing for {_STALL} s",
    "no_mark": f"printed nothing for {_STALL} s",
}
_HEALED = ("stall_at_start", "stall_at_layer=1", "segfault_at_start", "exit_at_layer=1", "no_mark")
_IN_PREFILL = {
    "segfault_in_prefill": "SIGSEGV",
    "stall_in_prefill": f"printed nothing for {_STALL} s",
    "endless_line": "",
}
_IN_ANSWER = {
    "segfault_after_tokens=6": "SIGSEGV",
    "exit_after_tokens=6": "exited with code 0",
    "stall_after_tokens=6": f"printed nothing for {_STALL} s",
    "close_stdout_after_tokens=6": f"printed nothing for {_STALL} s",
}
_HARMLESS = ("invalid_utf8_after_tokens=6", "stderr_flood=2048", "slow_end=300", "grandchild")
_STUBBORN = ("ignore_sigterm", "ignore_quit", "ignore_sigterm,ignore_quit")


def _load(fault: str) -> str:
    return f"load-{fault.partition('=')[0]}"


def _once(fault: str) -> str:
    return f"once-{fault.partition('=')[0]}"


def _always(fault: str) -> str:
    return fault.partition("=")[0].replace(",", "-")


@pytest.fixture(scope="module")
def service(serve: Serve, model: Callable[..., Model]) -> Service:
    """One service with a model for each fault; each is loaded when it is asked for."""
    faults = {_load(fault): fault for fault in _LOAD}
    faults |= {_once(fault): f"{fault}:once=marker" for fault in (*_HEALED, *_IN_PREFILL, *_IN_ANSWER)}
    faults |= {_always(fault): fault for fault in (*_HARMLESS, *_STUBBORN)}
    faults["once-named"] = "layer_failed=1:once=marker"
    faults["deaf"] = "ignore_sigint,endless_output"
    models = [
        model("--sim_max_token_len 2048", name=name, env={"AXM1_SIM_FAULTS": fault})
        for name, fault in faults.items()
    ]
    limits = [f"--{name}-timeout" for name in ("load", "prefill", "output")]
    options = [word for limit in limits for word in (limit, f"{_STALL}s")]
    return serve(model("--sim_max_token_len 2048", name="healthy"), *models, options=tuple(options))


def _works(service: Service, name: str) -> None:
    """The next prompts are answered; the failure is a thing of the past."""
    for prompt in ("next é", "and next 😀"):
        assert service.ask(prompt, name)["response"] == prompt
    status = service.status(name)
    assert (status["status"], status["failure"]) == ("ready", None)


@pytest.mark.parametrize("fault", _LOAD)
def test_a_failed_load_names_its_reason(service: Service, fault: str) -> None:
    response = service.post("hello", _load(fault))
    assert response.status_code == 500, response.text
    error = response.json()["error"]
    assert _load(fault) in error
    assert _LOAD[fault] in error
    status = service.status(_load(fault))
    assert status["status"] == "failed"
    assert _LOAD[fault] in status["failure"]["reason"]
    assert any(status["failure"]["log"]) or fault in {"segfault_at_start", "stall_at_start"}
    assert service.ask("hello", "healthy")["response"] == "hello"


@pytest.mark.parametrize("fault", _HEALED)
def test_a_load_that_fails_by_chance_is_tried_again(service: Service, fault: str) -> None:
    name = _once(fault)
    assert service.ask("hello", name)["response"] == "hello"
    _works(service, name)
    steps = [step["to"] for step in service.http.get(f"/api/status/{name}/history").json()["transitions"]]
    assert steps.count("failed") == 1


def test_a_load_that_failed_for_a_reason_is_tried_again_with_the_next_prompt(service: Service) -> None:
    response = service.post("hello", "once-named")
    assert response.status_code == 500
    assert "init axmodel(" in response.json()["error"]
    _works(service, "once-named")


@pytest.mark.parametrize("fault", _IN_PREFILL)
def test_a_failure_before_the_first_token_is_a_real_status(service: Service, fault: str) -> None:
    name = _once(fault)
    response = service.post("hello", name, stream=True)
    assert response.status_code == 500, response.text
    assert _IN_PREFILL[fault] in response.json()["error"]
    _works(service, name)


@pytest.mark.parametrize("fault", _IN_ANSWER)
def test_a_failure_in_the_middle_is_the_last_line_of_the_stream(service: Service, fault: str) -> None:
    name = _once(fault)
    lines = list(service.stream("abcdefghijkl", name))
    assert "".join(line["response"] for line in lines[:-1]) == "abcdef"
    assert set(lines[-1]) == {"error"}
    assert _IN_ANSWER[fault] in lines[-1]["error"]
    _works(service, name)
    history = service.http.get(f"/api/status/{name}/history").json()["transitions"]
    (failed,) = [step for step in history if step["to"] == "failed"]
    assert failed["from"] == "outputting"
    assert _IN_ANSWER[fault] in failed["reason"]


@pytest.mark.parametrize("fault", _HARMLESS)
def test_noise_of_the_runtime_is_no_part_of_an_answer(service: Service, fault: str) -> None:
    name = _always(fault)
    lines = list(service.stream("abcdefghi 😀 jkl", name))
    assert text_of(lines) == "abcdefghi 😀 jkl"
    assert lines[-1]["eval_count"] == len("abcdefghi 😀 jkl".encode())
    _works(service, name)


def test_a_runtime_that_is_deaf_to_interrupts_is_replaced(service: Service) -> None:
    answer = service.ask("abcdef", "deaf", options={"num_predict": 4})
    assert (answer["response"], answer["done_reason"]) == ("abcd", "length")
    assert service.ask("uvwxyz", "deaf", options={"num_predict": 5})["response"] == "uvwxy"


@pytest.mark.parametrize("fault", _STUBBORN)
def test_a_runtime_that_will_not_leave_is_made_to(service: Service, fault: str) -> None:
    name = _always(fault)
    assert service.ask("hello", name)["response"] == "hello"
    runtimes = service.processes("axm1_llm.sim")
    unload = {"model": name, "keep_alive": 0}
    assert service.http.post("/api/generate", json=unload).json()["done_reason"] == "unload"
    assert service.status(name)["status"] == "idle"
    assert len(service.processes("axm1_llm.sim")) == len(runtimes) - 1


def test_a_script_that_is_gone_is_named_in_the_descriptors_terms(
    serve_once: Serve, model: Callable[..., Model]
) -> None:
    tiny = model()
    service = serve_once(tiny)
    script = tiny.folder / "run.sh"
    text = script.read_text("utf-8")
    script.chmod(0o644)
    for words in ("not executable", "run_cmd"):
        assert words in service.post("hello").json()["error"]
    script.unlink()
    response = service.post("hello")
    assert response.status_code == 500
    assert "run_cmd './run.sh'" in response.json()["error"]
    script.write_text(text, "utf-8")
    script.chmod(0o755)
    assert service.ask("hello")["response"] == "hello"


def test_nothing_of_all_these_is_left_at_the_end(service: Service) -> None:
    states = {each["model"]: each["status"] for each in service.http.get("/api/status").json()["models"]}
    assert set(states.values()) <= {"ready", "failed", "idle", "cancelling"}, json.dumps(states)
    assert service.stop() == 0
