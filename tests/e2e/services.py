"""Runs `axm1` services as programs of their own, and talks HTTP to them like any client."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx

from e2e.processes import MARK, describe, footprint, kill_all, left_of, processes_of, runs_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import psutil

    from e2e.processes import Footprint

PATIENCE = 60.0  # seconds; only a failing test waits that long (beside the matrix a service took 20 to start)
_LOOK = 0.02
# Below the ports that the system gives to outgoing connections: between the choice of a port and its use
# no client can take it.
# Each of the runs that go side by side has its own: two of them chose the same (seen).
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PORTS = range(21_000 + _WORKER % 4 * 2_500, 23_500 + _WORKER % 4 * 2_500)
_GIVEN = set[int]()  # a module with 30 models took one twice in every twentieth run


def free_port() -> int:
    """A port that nobody listens on, another one each time."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        if port in _GIVEN:
            continue
        _GIVEN.add(port)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Program:
    """A started `axm1` command and all processes that it starts.

    Attributes:
        mark: what its processes carry in their environment.
    """

    def __init__(self, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        self.mark = uuid.uuid4().hex
        self._state = tempfile.TemporaryDirectory()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "axm1_llm.cli", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env=_environment(self.mark, {"AXM1_STATE_DIR": self._state.name, **(env or {})}),
            start_new_session=True,
        )
        self._pidfd = os.pidfd_open(self._process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has printed so far."""
        end = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), end, 0).decode(errors="replace")

    def pause(self, seconds: float = _LOOK) -> None:
        """Wait a little, but no longer than it lives."""
        ended, _, _ = select.select([self._pidfd], [], [], seconds)
        assert not ended, f"it ended with {self._process.wait()}:\n{self.log}"

    def processes(self, part: str = "", folder: Path | None = None) -> list[psutil.Process]:
        """Its live processes whose command line holds `part`, and that run in `folder`."""
        found = [process for process in processes_of(self.mark) if part in describe(process)]
        # Each group has a watcher too, whose command line is that of the program that it watches.
        found = [process for process in found if "trap" not in describe(process)]
        return [process for process in found if folder is None or runs_in(process, folder)]

    def members(self, folder: Path) -> list[psutil.Process]:
        """Every live process that runs in `folder`, watchers too."""
        return [process for process in processes_of(self.mark) if runs_in(process, folder)]

    def process(self, part: str, folder: Path | None = None) -> psutil.Process:
        """The one process whose command line holds `part`."""
        (found,) = self.processes(part, folder)
        return found

    def footprint(self) -> Footprint:
        return footprint(self.mark)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the service alone, as `docker stop` and the kernel do."""
        self._process.send_signal(number)

    def wait(self, seconds: float = PATIENCE) -> int:
        """The exit code of the service."""
        return self._process.wait(seconds)

    def left(self, seconds: float) -> list[str]:
        """Which of its processes still live after that time."""
        return left_of(self.mark, seconds)

    def stop(self) -> int:
        """Ask it to leave; proves that nothing of it is left."""
        self.signal(signal.SIGTERM)
        code = self.wait()
        assert self.left(2) == []
        return code

    def close(self) -> None:
        kill_all(self.mark)
        self._process.wait(PATIENCE)
        with suppress(OSError):
            os.close(self._pidfd)
        self._log.close()
        self._state.cleanup()


class Service(Program):
    """A program with an llm-service in it.

    Attributes:
        port: where its API is.
        url: the same as an address.
        http: a client of it.
    """

    def __init__(self, command: str, port: int, *options: str, env: Mapping[str, str] | None = None) -> None:
        super().__init__(command, "--port", str(port), *options, env=env)
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.http = httpx.Client(base_url=self.url, timeout=PATIENCE, trust_env=False)

    def close(self) -> None:
        self.http.close()
        super().close()

    def until(self, check: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """What `check` gives as soon as that is true."""
        deadline = time.monotonic() + seconds
        while not (found := check()):
            assert time.monotonic() < deadline, f"it did not come:\n{self.log}"
            self.pause()
        return found

    def started(self, seconds: float = PATIENCE) -> Self:
        """Wait until the models that run on start-up are loaded."""
        self.until(self._is_ready, seconds)
        return self

    def _is_ready(self) -> bool:
        with suppress(httpx.TransportError):
            return self.http.get("/ready").status_code == 200
        return False

    def status(self, model: str = "sim") -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"/api/status/{model}").json()
        return found

    def until_status(self, wanted: str, model: str = "sim") -> dict[str, Any]:
        """The model's status once it is `wanted`."""
        self.until(lambda: self.status(model)["status"] == wanted)
        return self.status(model)

    def settled(self) -> Footprint:
        """Its footprint once that stays the same from one look to the next, memory aside."""
        last = self.footprint()
        for _ in range(50):
            self.pause()
            look = self.footprint()
            if replace(look, resident=0.0) == replace(last, resident=0.0):
                return look
            last = look
        raise AssertionError(f"it never comes to rest: {last}")

    def post(self, prompt: str, model: str = "sim", **fields: Any) -> httpx.Response:
        """The response to a prompt, not streamed."""
        return self.http.post(
            "/api/generate", json={"model": model, "prompt": prompt, "stream": False, **fields}
        )

    def ask(self, prompt: str, model: str = "sim", **fields: Any) -> dict[str, Any]:
        """The answer to a prompt as one object."""
        response = self.post(prompt, model, **fields)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        assert answer["done"], answer
        return answer

    def sent(
        self, prompt: str, model: str = "sim", *, buffer: int | None = None, **fields: Any
    ) -> socket.socket:
        """A connection on which a prompt was sent and nothing was read; `buffer` makes it hold little."""
        body = json.dumps({"model": model, "prompt": prompt, **fields}).encode()
        connection = socket.socket()
        connection.settimeout(PATIENCE)
        if buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        connection.connect(("127.0.0.1", self.port))
        head = f"POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        connection.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)
        return connection

    def begin(self, prompt: str, model: str = "sim") -> httpx.Response:
        """The response to a prompt whose first token has come."""
        request = self.http.build_request("POST", "/api/generate", json={"model": model, "prompt": prompt})
        response = self.http.send(request, stream=True)
        assert response.status_code == 200, response.read()
        return response

    def stream(self, prompt: str, model: str = "sim", **fields: Any) -> Iterator[dict[str, Any]]:
        """The lines of the answer as they come."""
        body = {"model": model, "prompt": prompt, **fields}
        with self.http.stream("POST", "/api/generate", json=body) as response:
            assert response.status_code == 200, response.read()
            for line in response.iter_lines():
                yield json.loads(line)


def text_of(lines: list[dict[str, Any]]) -> str:
    """The streamed answer put together; its last line is an end, not an error."""
    assert lines[-1].get("done"), lines[-1]
    return "".join(line["response"] for line in lines)


def _environment(mark: str, more: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AXM1_", "OLLAMA_"))}
    # Scripts say `python3`: with this project's own environment active that is the one with `tokenizers`.
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', os.defpath)}"
    return {**kept, "PATH": path, "NO_COLOR": "1", MARK: mark, **more}
