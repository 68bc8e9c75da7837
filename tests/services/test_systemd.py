"""What a service tells systemd, read from a real datagram socket."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from axm1_llm.services.connection import Traffic
from axm1_llm.services.listening import listen
from axm1_llm.services.server import Server
from axm1_llm.services.systemd import Systemd
from e2e.models import Model, write_descriptor
from e2e.services import Program, Service, free_port

_WAIT = 20.0  # seconds; only a failing test waits that long
_SLOW = "--sim_max_token_len 8192 --sim_tokens_per_second 100"

Message = dict[str, str]


class Listener:
    """Stands where systemd reads."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)

    def next(self, seconds: float = _WAIT) -> Message:
        """The keys and values of the next message; TimeoutError when none comes."""
        self._socket.settimeout(seconds)
        return dict(line.split("=", 1) for line in self._socket.recv(4096).decode().splitlines())

    def until(self, key: str, value: str) -> list[Message]:
        """All messages up to the first with this key and value."""
        messages = [self.next()]
        while messages[-1].get(key) != value:
            messages.append(self.next())
        return messages

    def waiting(self) -> list[Message]:
        """What has come already."""
        messages = []
        with suppress(BlockingIOError):
            while True:
                messages.append(self.next(0))
        return messages

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Listener]:
    address = str(tmp_path / "notify") if request.param == "path" else f"@axm1-{uuid.uuid4().hex}"
    listener = Listener(address)
    yield listener
    listener.close()


def _environment(listener: Listener, watchdog: float | None = None) -> dict[str, str]:
    interval = {} if watchdog is None else {"WATCHDOG_USEC": str(int(watchdog * 1e6))}
    return {"NOTIFY_SOCKET": listener.address, **interval}


async def _application(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "lifespan"
    for kind in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{kind}.complete"})


@asynccontextmanager
async def _serving(systemd: Systemd) -> AsyncIterator[None]:
    async def leave() -> None:
        pass

    server = Server(_application, Traffic(10), 0, leave, systemd)
    serving = asyncio.create_task(server.serve(sockets=[listen("127.0.0.1", 0, "--port")]))
    try:
        yield
    finally:
        server.handle_exit(signal.SIGTERM, None)
        async with asyncio.timeout(_WAIT):
            await serving
        systemd.close()


async def test_the_watchdog_hears_of_a_loop_that_turns_and_nothing_of_one_that_is_held(
    listener: Listener,
) -> None:
    async with _serving(Systemd.of_this_process(_environment(listener, watchdog=0.3))):
        for _ in range(3):
            await asyncio.to_thread(listener.until, "WATCHDOG", "1")
        listener.waiting()
        with pytest.raises(TimeoutError):
            listener.next(1.0)  # this coroutine holds the loop meanwhile
        await asyncio.to_thread(listener.until, "WATCHDOG", "1")


async def test_beats_come_only_where_a_watchdog_wants_them(listener: Listener) -> None:
    async with _serving(Systemd.of_this_process(_environment(listener))):
        assert await asyncio.to_thread(listener.until, "READY", "1")
    assert not any("WATCHDOG" in message for message in listener.waiting())


async def test_a_watchdog_of_another_process_hears_nothing(listener: Listener) -> None:
    environ = {**_environment(listener, watchdog=0.3), "WATCHDOG_PID": str(os.getppid())}
    async with _serving(Systemd.of_this_process(environ)):
        assert await asyncio.to_thread(listener.until, "READY", "1")
    assert not any("WATCHDOG" in message for message in listener.waiting())


def test_children_do_not_get_what_would_let_them_speak_for_the_service() -> None:
    environ = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1", "PATH": "/bin"}
    Systemd.of_this_process(environ).close()
    assert environ == {"PATH": "/bin"}


@pytest.mark.parametrize("address", ["", "nonsense", "vsock:2:3"])
def test_without_a_socket_that_it_knows_nothing_is_opened(address: str) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    systemd = Systemd.of_this_process({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000000"})
    systemd.status = lambda: pytest.fail("nobody asked for it")
    for tell in (systemd.ready, systemd.tick, systemd.reloading, systemd.reloaded, systemd.stopping):
        tell()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert systemd.pause(1.0) == 1.0


def test_a_socket_that_nobody_reads_holds_nothing_up(listener: Listener) -> None:
    systemd = Systemd.of_this_process(_environment(listener))
    turns = iter(range(10_000))
    systemd.status = lambda: f"turn {next(turns)} {'x' * 500}"
    for _ in range(2000):  # far more than the kernel keeps
        systemd.tick()
    full = len(listener.waiting())
    assert 0 < full < 2000
    systemd.stopping()
    assert listener.until("STOPPING", "1")
    listener.close()
    systemd.tick()
    systemd.close()


def test_a_second_signal_and_a_reload_on_the_way_out_say_nothing(listener: Listener) -> None:
    systemd = Systemd.of_this_process(_environment(listener))
    for tell in (systemd.stopping, systemd.stopping, systemd.reloading, systemd.reloaded):
        tell()
    messages = listener.waiting()
    assert [set(message) for message in messages] == [{"STOPPING", "STATUS"}, {"EXTEND_TIMEOUT_USEC"}]
    systemd.close()


def _program(kind: str, folder: Path, environ: dict[str, str]) -> Program:
    # Alone, an llm-service would wait for its neighbour.
    model = Model(folder / "tiny", (_SLOW,), {"run_on_startup": kind == "serve"}, "sim")
    descriptor = str(write_descriptor(folder, model))
    ports = ("--tokenizer-port", str(free_port()), "--descriptor", descriptor)
    if kind == "tokenizer-service":
        return Program(kind, *ports, env=environ)
    return Service(kind, free_port(), *ports, env=environ)


@pytest.mark.parametrize("listener", ["abstract"], indirect=True)
@pytest.mark.parametrize("kind", ["serve", "llm-service", "tokenizer-service"])
def test_a_service_says_that_it_starts_reloads_and_leaves_in_that_order(
    kind: str, listener: Listener, tmp_path: Path
) -> None:
    with _program(kind, tmp_path, _environment(listener, watchdog=60)) as program:
        first = listener.next()
        assert first["READY"] == "1"
        assert "of 1" in first["STATUS"]
        assert listener.until("WATCHDOG", "1")
        program.signal(signal.SIGHUP)
        reload = listener.until("READY", "1")
        assert reload[0]["RELOADING"] == "1" or reload[1]["RELOADING"] == "1"  # a status may come between
        assert int(next(m["MONOTONIC_USEC"] for m in reload if "RELOADING" in m)) > 0
        program.signal(signal.SIGTERM)
        stop = listener.until("STOPPING", "1")
        assert not any("READY" in message for message in stop)
        assert int(listener.next()["EXTEND_TIMEOUT_USEC"]) >= 30_000_000
        assert program.wait() == 0


@pytest.mark.parametrize("listener", ["path"], indirect=True)
def test_time_is_asked_for_as_long_as_an_answer_ends_and_a_broken_file_is_still_a_reload(
    listener: Listener, tmp_path: Path
) -> None:
    program = _program("serve", tmp_path, _environment(listener))
    assert isinstance(program, Service)
    with program as service:
        service.started()
        (tmp_path / "model-descriptor.json").write_text("[", "utf-8")
        service.signal(signal.SIGHUP)
        listener.until("RELOADING", "1")
        listener.until("READY", "1")
        service.begin("n" * 400)
        service.signal(signal.SIGTERM)
        listener.until("STOPPING", "1")
        asked = [listener.next() for _ in range(3)]
        assert all(int(message["EXTEND_TIMEOUT_USEC"]) >= 30_000_000 for message in asked)
        assert service.wait() == 0
