"""The runtime alone: a pipe on each side, nothing between it and the one who measures."""

from __future__ import annotations

import os
import select
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deployment import Deployment

_MARK = b"\n>> "  # of plain builds
_FRAME = b"\x02"
_CHUNK = 65536
_PATIENCE = 30.0


class BareRuntime:
    """A runtime that uses the gateway of a deployment; made by `bare_runtime`.

    Attributes:
        pid: its process.
    """

    def __init__(self, deployment: Deployment, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.pid = process.pid
        self._deployment = deployment
        self._stdin = process.stdin.fileno()
        self._stdout = process.stdout.fileno()

    def until_mark(self) -> None:
        """Return when the runtime waits for a prompt."""
        received = bytearray()
        while not received.endswith(_MARK):
            received += self._read()

    def answer(self, prompt: str) -> tuple[float, float, int]:
        """Have `prompt` answered; its ticket is opened before and closed after what is measured.

        Returns:
            Seconds from the line on stdin to the first token, to the prompt mark, and the tokens printed.
        """
        line = self._deployment.open_ticket(prompt)
        received, first = bytearray(), 0.0
        begun = time.perf_counter()
        os.write(self._stdin, f"{line}\n".encode())
        while not received.endswith(_MARK):
            received += self._read()
            if not first and _FRAME in received:
                first = time.perf_counter() - begun
        whole = time.perf_counter() - begun
        tokens = received.count(_FRAME)
        self._deployment.close_ticket(line, tokens)
        return first, whole, tokens

    def _read(self) -> bytes:
        ready, _, _ = select.select([self._stdout], [], [], _PATIENCE)
        data = os.read(self._stdout, _CHUNK) if ready else b""
        if not data:
            raise RuntimeError("the runtime ended, or hangs")
        return data


@contextmanager
def bare_runtime(deployment: Deployment) -> Iterator[BareRuntime]:
    """Start the runtime on pipes; gives it at its prompt mark."""
    url = f"http://127.0.0.1:{deployment.gateway_port}"
    argv = deployment.workload.runtime(url, deployment.rate)
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            runtime = BareRuntime(deployment, process)
            runtime.until_mark()
            yield runtime
        finally:
            process.kill()
