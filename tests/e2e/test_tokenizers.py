"""What goes wrong between a runtime and its tokenizer: clean errors, and a runtime that survives."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any

import httpx
import pytest

from e2e.conftest import Serve
from e2e.models import Model, write_descriptor
from e2e.services import PATIENCE, Program, Service, free_port, text_of
from e2e.vendor_script import write_script_tokenizer

Apart = Callable[..., tuple[Any, Service]]

_TROUBLES = ("hang_in_decode", "hang_in_encode", "die_in_decode")
_LONG = 50.0  # seconds: a tokenizer-service is waited for, as one that starts takes long on a busy machine
_TOKEN = "a-secret-of-both-services"
_FLAGS = "--sim_max_token_len 4096 --sim_tokens_per_second 200"


@pytest.fixture(scope="module")
def models(model: Callable[..., Model]) -> dict[str, Model]:
    """A model with a tokenizer script for each trouble; it strikes once, when the file `trouble` is there."""
    made = {
        name: model(_FLAGS, name=name, tokenizer_py="tokenizer.py", env={"TOKENIZER_TROUBLE": name})
        for name in (*_TROUBLES, "dies_at_start")
    }
    for each in made.values():
        write_script_tokenizer(each.folder, "tokenizer.py")
    return made


@pytest.fixture(scope="module")
def service(serve: Serve, models: dict[str, Model]) -> Service:
    return serve(*models.values())


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory, model: Callable[..., Model]) -> Iterator[Apart]:
    """Starts the two services each by itself, as two containers do."""
    with ExitStack() as stack:

        def start(*, tokens: tuple[str, str], there: bool = True) -> tuple[Program | None, Service]:
            descriptor = write_descriptor(tmp_path_factory.mktemp("apart"), model("--sim_max_token_len 512"))
            port = str(free_port())
            tokenizer = (
                Program(
                    *("tokenizer-service", "--descriptor", str(descriptor), "--tokenizer-port", port),
                    env={"AXM1_INTERNAL_TOKEN": tokens[0]},
                )
                if there
                else None
            )
            service = Service(
                *("llm-service", free_port(), "--descriptor", str(descriptor), "--tokenizer-port", port),
                env={"AXM1_INTERNAL_TOKEN": tokens[1]},
            )
            for program in (tokenizer, service):
                if program is not None:
                    stack.enter_context(program)
            return tokenizer, service.started()

        yield start


@pytest.fixture(scope="module")
def slow(
    service: Service, models: dict[str, Model], apart: Apart
) -> Iterator[dict[str, Future[httpx.Response]]]:
    """Prompts that take long to fail; asked before all tests, so that the others need not wait for them."""
    name = "hang_in_encode"
    assert service.ask("hello", name)["response"] == "hello"
    (models[name].folder / "trouble").touch()
    lonely = apart(tokens=(_TOKEN, _TOKEN), there=False)[1]
    lonely.http.timeout = httpx.Timeout(_LONG)
    with ThreadPoolExecutor(2) as clients:
        yield {
            name: clients.submit(service.post, "hello?", name),
            "missing": clients.submit(lonely.post, "hello"),
        }


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("trouble", ["hang_in_decode", "die_in_decode"])
def test_a_script_that_fails_in_decode_ends_the_stream_with_an_error(
    service: Service, models: dict[str, Model], trouble: str
) -> None:
    folder = models[trouble].folder
    assert service.ask("hello 😀", trouble)["response"] == "hello 😀"
    runtime = service.process("axm1_llm.sim", folder)
    with closing(service.begin("n" * 400, trouble)) as answer:
        (folder / "trouble").touch()
        last = list(answer.iter_lines())[-1]
    assert '"error"' in last
    assert "tokenizer" in last
    assert service.ask("still there? 😀", trouble)["response"] == "still there? 😀"
    assert service.process("axm1_llm.sim", folder) == runtime
    assert not (folder / "trouble").exists()


def test_a_script_that_hangs_in_encode_is_replaced(
    service: Service, slow: dict[str, Future[httpx.Response]]
) -> None:
    assert slow["hang_in_encode"].result(PATIENCE).status_code in {200, 500}
    assert service.ask("hello again", "hang_in_encode")["response"] == "hello again"


def test_a_script_that_does_not_start_is_reported_with_its_last_words(
    service: Service, models: dict[str, Model]
) -> None:
    script = models["dies_at_start"].folder / "tokenizer.py"
    text = script.read_text("utf-8")
    script.write_text("import no_such_module_here\n", "utf-8")
    response = service.post("hello", "dies_at_start")
    assert response.status_code == 500
    for words in ("tokenizer.py", "no_such_module_here"):
        assert words in response.json()["error"]
    script.write_text(text, "utf-8")
    assert service.ask("hello", "dies_at_start")["response"] == "hello"


def test_two_services_started_apart_work_together(
    apart: Apart,
) -> None:
    tokenizer, service = apart(tokens=(_TOKEN, _TOKEN))
    lines = list(service.stream("hello 😀"))
    assert text_of(lines) == "hello 😀"
    assert tokenizer.stop() == 0
    assert service.stop() == 0


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_tokenizer_service_that_is_killed_during_a_load_is_back_before_the_runtime_gives_up(
    serve_once: Serve, model: Callable[..., Model]
) -> None:
    tiny = model("--sim_max_token_len 512")
    service = serve_once(tiny)
    text = (tiny.folder / "run.sh").read_text("utf-8")
    gate = tiny.folder / "gate"
    os.mkfifo(gate)  # the runtime starts when the test opens it
    (tiny.folder / "run.sh").write_text(text.replace("./main", f"read -r _ <'{gate}'\n./main"), "utf-8")
    with ThreadPoolExecutor(1) as clients:
        answer = clients.submit(service.ask, "hello")
        service.until_status("starting")
        killed = service.process("tokenizer-service")
        address = killed.cmdline()[killed.cmdline().index("--tokenizer-port") + 1]
        killed.kill()
        killed.wait(PATIENCE)
        # A runtime has ten seconds, and a busy machine took eleven to start Python: the service comes first.
        service.until(lambda: _listens(int(address)))
        gate.write_text("go\n", "utf-8")
        assert answer.result(PATIENCE)["response"] == "hello"
    assert [step["to"] for step in service.status()["transitions"]].count("failed") == 0


def test_a_wrong_internal_token_is_named_and_reads_no_prompt(
    apart: Apart,
) -> None:
    _, service = apart(tokens=(_TOKEN, _TOKEN + "-not"))
    response = service.post("hello")
    assert response.status_code == 500
    assert "internal token" in response.json()["error"]


def test_a_missing_tokenizer_service_is_named_with_its_address(
    slow: dict[str, Future[httpx.Response]],
) -> None:
    response = slow["missing"].result(_LONG)
    assert response.status_code == 500
    error = response.json()["error"]
    assert "the tokenizer-service at http://127.0.0.1:" in error
    assert "cannot be reached" in error


def test_the_tokenizer_service_tells_its_status_and_hides_its_tickets(
    apart: Apart,
) -> None:
    tokenizer, service = apart(tokens=(_TOKEN, _TOKEN))
    service.ask("hello")
    port = next(part for part in reversed(tokenizer.processes()[0].cmdline()) if part.isdigit())
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE, trust_env=False) as http:
        assert http.get("/health").status_code == 200
        status = http.get("/api/status/sim").json()
        assert (status["status"], status["failure"]) == ("ready", None)
        spec = {"text": "read me"}
        for headers in ({}, {"X-Axm1-Token": "guessed"}):
            refused = http.post("/internal/tickets", json={"model": "sim", "spec": spec}, headers=headers)
            assert refused.status_code == 403
