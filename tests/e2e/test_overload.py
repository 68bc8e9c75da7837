"""Far too many clients, slow ones and those that vanish: the others are answered, and nothing is left."""

from __future__ import annotations

import json
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from e2e.conftest import Serve
from e2e.models import Model
from e2e.processes import Footprint
from e2e.services import Service

_QUEUE = 300
_LONG = " ".join(f"{number:05d}" for number in range(500))
_LOOKS = ("/api/status", "/health", "/metrics")
_SLOWEST = 2.0  # seconds for a look, on a machine that has other work too; `bench/overload.py` measures


@pytest.fixture(scope="module")
def service(serve: Serve, model: Callable[..., Model]) -> Service:
    flags = "--sim_max_token_len 65536"
    quick = model(flags, name="sim", run_on_startup=True)
    endless = model(flags, "--sim_fault endless_output", name="endless", run_on_startup=True)
    # Whoever does not read it is cut off after minutes: time enough for a busy machine to fill the queue.
    slow = model(
        flags, "--sim_fault endless_output --sim_tokens_per_second 50", name="slow", run_on_startup=True
    )
    return serve(quick, endless, slow, options=("--max-queue", str(_QUEUE)))


@pytest.fixture
def crowd() -> Iterator[ExitStack]:
    """Connections that are closed when the test is over."""
    with ExitStack() as stack:
        yield stack


def test_a_client_that_reads_nothing_of_an_endless_answer_does_not_hold_the_card(service: Service) -> None:
    before = service.footprint().resident
    with closing(service.sent("for ever ", "endless", buffer=2048)) as deaf:
        service.until_status("outputting", "endless")
        answer = service.ask("next, please", "endless", options={"num_predict": 4})
        assert answer["response"] == "next"
        service.until_status("ready", "endless")
        assert service.footprint().resident < before + 40
        last = _last_line(deaf)
    assert "reads too slowly" in last["error"]
    service.until(lambda: "slow_reader" in service.log)


def test_a_client_that_reads_slowly_but_reads_gets_all_of_its_answer(service: Service) -> None:
    with closing(service.sent(_LONG, buffer=4096)) as slow:
        assert service.ask("next, please")["response"] == "next, please"
        lines = [json.loads(line) for line in _body(slow).splitlines()]
    assert "".join(line["response"] for line in lines) == _LONG
    assert lines[-1]["done_reason"] == "stop"


def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), 20) as connection:
        head = f"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: {2**40}\r\n\r\n"
        connection.sendall(head.encode() + b'{"model":')
        assert connection.recv(65536).startswith(b"HTTP/1.1 413")


def test_prompts_of_clients_that_left_do_not_fill_the_queue(service: Service, crowd: ExitStack) -> None:
    with closing(service.sent("for ever", "slow")):
        service.until_status("outputting", "slow")
        waiting = [crowd.enter_context(closing(service.sent("never", "slow"))) for _ in range(_QUEUE)]
        service.until(lambda: service.status("slow")["queue_length"] == _QUEUE)
        refused = service.post("one too many")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        for connection in waiting:
            connection.close()
        assert service.until(lambda: not service.status("slow")["queue_length"])
        assert service.ask("the first to come", "sim")["response"] == "the first to come"
        assert service.status("slow")["status"] == "outputting"
    service.until_status("ready", "slow")


def test_a_crowd_leaves_no_trace_and_keeps_nobody_from_looking(service: Service, crowd: ExitStack) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - to repeat a failure
    dice = random.Random(seed)
    _storm(service, crowd, dice, 40)
    before = _settled(service)
    _storm(service, crowd, dice, _QUEUE)
    after = _settled(service)
    assert after.commands == before.commands
    assert after.threads <= before.threads
    assert after.files <= before.files
    assert after.sockets <= before.sockets + 2
    assert after.resident < before.resident + 60
    assert service.ask("still there?")["response"] == "still there?"
    assert "Traceback" not in service.log


def _storm(service: Service, crowd: ExitStack, dice: random.Random, prompts: int) -> None:
    """So many prompts at once, some of whose clients vanish, among others that ask for nothing."""
    prompt = b'{"model":"sim","prompt":"hello","stream":true}'
    head = b"POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(prompt)
    for _ in range(prompts):
        sent = (head + prompt)[: dice.randrange(len(head + prompt))]
        idle = crowd.enter_context(socket.create_connection(("127.0.0.1", service.port), 20))
        idle.sendall(sent)
        crowd.callback(idle.close)
    with ExitStack() as clients:
        asking = {}
        for number in range(prompts):
            text = f"<{number}>"
            asking[text] = clients.enter_context(closing(service.sent(text)))
            if dice.random() < 0.5:  # at any moment: it waits, it is worked on, it is answered
                asking.pop(dice.choice(list(asking))).close()
            if number % 20 == 0:
                _look(service)
        for text, connection in asking.items():
            lines = [json.loads(line) for line in _body(connection).splitlines()]
            assert "".join(line["response"] for line in lines) == text
    _look(service)
    crowd.close()


def _look(service: Service) -> None:
    for path in _LOOKS:
        begun = time.monotonic()
        assert service.http.get(path).status_code == 200
        assert time.monotonic() - begun < _SLOWEST, path


def _body(connection: socket.socket) -> bytes:
    """The body of a chunked response, read to its end."""
    received = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, rest = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    chunks = []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        chunks.append(rest[: int(size, 16)])
        rest = rest[int(size, 16) + 2 :]
    return b"".join(chunks)


def _last_line(connection: socket.socket) -> dict[str, str]:
    found: dict[str, str] = json.loads(_body(connection).splitlines()[-1])
    return found


def _settled(service: Service) -> Footprint:
    """The footprint once no prompt is in hand and no connection lingers."""
    service.until_status("ready")
    return service.settled()
