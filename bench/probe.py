"""How long a service takes to say how it is, asked from a process of its own.

``python bench/probe.py PORT SECONDS`` prints, as JSON, seconds for each path, and for this machine itself:
how much later than asked a pause of 5 ms ended.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

PATHS = ("/api/status", "/health", "/metrics")
_PAUSE = 0.005
_NOISE = "noise"


@dataclass(frozen=True, slots=True)
class Latencies:
    """Seconds of all answers to one path, or of the machine's own delays.

    Attributes:
        path: what was asked.
        seconds: one a call.
    """

    path: str
    seconds: list[float]


class Probe:
    """A measurement under way; made by `begin_probe`."""

    def __init__(self, command: list[str]) -> None:
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed by result()
        self._process = subprocess.Popen(command, stdout=self._output)

    @property
    def running(self) -> bool:
        """Whether it still measures."""
        return self._process.poll() is None

    def result(self) -> list[Latencies]:
        """What was measured; waits until it is there."""
        self._process.wait()
        with self._output as output:
            output.seek(0)
            return [Latencies(path, seconds) for path, seconds in json.load(output).items()]


def begin_probe(port: int, seconds: float) -> Probe:
    """Start to measure for so many seconds."""
    command = [sys.executable, str(Path(__file__).resolve()), str(port), str(seconds)]
    return Probe(command)


def _measure(port: int, seconds: float) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {path: [] for path in (*PATHS, _NOISE)}
    kept = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for path in PATHS:
            # In turn on a kept connection, as a browser's, and on a new one, as Prometheus after a pause.
            if len(found[path]) % 2:
                kept.close()
            begun = time.perf_counter()
            kept.request("GET", path)
            response = kept.getresponse()
            response.read()
            found[path].append(time.perf_counter() - begun)
            if response.status != http.client.OK:
                raise RuntimeError(f"{path}: {response.status}")
            begun = time.perf_counter()
            time.sleep(_PAUSE)
            found[_NOISE].append(time.perf_counter() - begun - _PAUSE)
    kept.close()
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measure(int(sys.argv[1]), float(sys.argv[2]))))
