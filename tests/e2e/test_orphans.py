"""Processes that are killed: nothing outlives the service, and the service outlives everything else."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from e2e.conftest import Serve
from e2e.models import Model
from e2e.processes import survivors
from e2e.services import Program, Service, text_of
from e2e.vendor_script import write_script_tokenizer

_LONG = "n" * 1500
_SLOW = "--sim_max_token_len 8192 --sim_tokens_per_second 300"


@pytest.fixture(scope="module")
def models(model: Callable[..., Model]) -> list[Model]:
    """One model with the built-in tokenizer, one with a tokenizer script."""
    builtin = model(_SLOW, run_on_startup=True)
    scripted = model(_SLOW, name="scripted", tokenizer_py="tokenizer.py", run_on_startup=True)
    write_script_tokenizer(scripted.folder, "tokenizer.py")
    return [builtin, scripted]


@pytest.fixture(scope="module")
def lasting(serve: Serve, models: list[Model]) -> Service:
    """A service that outlives the tests in which something else is killed."""
    return serve(*models)


def _runtimes(service: Program) -> int:
    return len(service.processes("axm1_llm.sim"))


def _all_there(service: Service) -> None:
    assert _runtimes(service) == 2
    assert len(service.processes("tokenizer-service")) == 1
    assert len(service.processes("tokenizer.py")) == 1


def test_nothing_outlives_a_killed_service(serve_once: Serve, models: list[Model]) -> None:
    service = serve_once(*models)
    _all_there(service)
    answer = service.begin(_LONG)
    service.signal(signal.SIGKILL)
    assert service.left(2) == []
    answer.close()


def test_nothing_outlives_a_killed_service_whose_runtime_ignores_signals(
    serve_once: Serve, model: Callable[..., Model]
) -> None:
    stubborn = model(
        _SLOW,
        "--sim_fault ignore_sigterm --sim_fault ignore_sigint --sim_fault grandchild@start",
        run_on_startup=True,
    )
    service = serve_once(stubborn)
    answer = service.begin(_LONG)
    service.signal(signal.SIGKILL)
    assert service.left(2) == []
    answer.close()


def test_a_service_that_is_asked_to_leave_leaves_nothing(serve_once: Serve, models: list[Model]) -> None:
    service = serve_once(*models)
    _all_there(service)
    begun = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - begun < 5


def test_a_service_that_leaves_ends_the_answers_in_hand_within_the_drain_time(
    serve_once: Serve, models: list[Model]
) -> None:
    service = serve_once(*models, options=("--drain-timeout", "1s"))
    answer = service.begin(_LONG)
    with ThreadPoolExecutor(1) as clients:
        waiting = clients.submit(service.post, "behind it")
        service.until(lambda: service.status()["queue_length"] == 1)
        begun = time.monotonic()
        assert service.stop() == 0
    assert time.monotonic() - begun < 1 + 4
    assert "shutting down" in list(answer.iter_lines())[-1]
    assert waiting.result().status_code == 503
    assert "shutting down" in waiting.result().json()["error"]
    assert "Traceback" not in service.log


def test_a_short_answer_may_end_while_the_service_leaves(serve_once: Serve, models: list[Model]) -> None:
    service = serve_once(*models)
    lines = service.stream("short", options={"num_predict": 5})
    first = next(lines)
    service.signal(signal.SIGTERM)
    assert text_of([first, *lines]) == "short"
    assert service.wait() == 0
    assert service.left(2) == []


def test_a_service_leaves_while_a_model_loads(serve_once: Serve, model: Callable[..., Model]) -> None:
    service = serve_once(model("--sim_load_ms 5000"), options=("--drain-timeout", "1s"))
    with closing(service.sent("hello")):
        service.until_status("initializing")
        begun = time.monotonic()
        service.stop()
        # It reads no `q` while it loads, and is asked in that way first.
        assert time.monotonic() - begun < 1 + 3 + 3


def test_a_killed_tokenizer_service_comes_back_for_the_next_prompt(lasting: Service) -> None:
    before = {process.pid for process in lasting.processes("axm1_llm.sim")}
    doomed = [*lasting.processes("tokenizer-service"), *lasting.processes("tokenizer.py")]
    doomed[0].kill()
    assert survivors(doomed, 2) == []
    for name in ("sim", "scripted", "sim"):
        assert lasting.ask("still there?", name)["response"] == "still there?"
    _all_there(lasting)
    # A runtime at rest has no need to be loaded anew, which takes up to a minute on a card.
    assert {process.pid for process in lasting.processes("axm1_llm.sim")} == before


def test_a_tokenizer_service_killed_in_the_middle_of_an_answer_ends_it_with_an_error(
    lasting: Service,
) -> None:
    answer = lasting.begin(_LONG)
    lasting.process("tokenizer-service").kill()
    assert '"error"' in list(answer.iter_lines())[-1]
    for name in ("sim", "scripted"):
        assert lasting.ask("still there?", name)["response"] == "still there?"


@pytest.mark.parametrize("victim", ["axm1_llm.sim", "run.sh"])
def test_a_killed_runtime_ends_its_answer_with_an_error_and_comes_back(
    lasting: Service, models: list[Model], victim: str
) -> None:
    answer = lasting.begin(_LONG)
    old = lasting.processes(folder=models[0].folder)
    lasting.process(victim, models[0].folder).kill()
    last = list(answer.iter_lines())[-1]
    assert '"error"' in last
    assert "SIGKILL" in last
    assert survivors(old, 2) == []
    assert lasting.ask("still there?")["response"] == "still there?"
    assert lasting.ask("untouched?", "scripted")["response"] == "untouched?"
    failed = [step for step in lasting.status()["transitions"] if step["to"] == "failed"]
    assert "SIGKILL" in failed[-1]["reason"]


def test_a_runtime_killed_at_rest_comes_back_by_itself(lasting: Service, models: list[Model]) -> None:
    lasting.process("axm1_llm.sim", models[0].folder).kill()
    lasting.until_status("failed")
    lasting.until_status("ready")
    assert lasting.ask("back?")["response"] == "back?"
