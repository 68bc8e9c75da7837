"""Runs the programs of the clients, each in the environment that has its client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_REPOSITORY = _HERE.parent.parent
_MAKING = 1500.0  # seconds; on a slow line
_RUNNING = 100.0


class Results:
    """What the scenarios of a program came to, by name.

    Args:
        lines: what the program printed, a line a scenario.
        rest: what else is known of it, for one that is missing.
    """

    def __init__(self, lines: str, rest: str) -> None:
        told = [json.loads(line) for line in lines.splitlines() if line.startswith('{"scenario"')]
        self._told = {outcome["scenario"]: outcome for outcome in told}
        self._rest = rest

    def __getitem__(self, scenario: str) -> Any:
        assert scenario in self._told, f"{scenario} was not reached: {self._rest}"
        outcome = self._told[scenario]
        assert "result" in outcome, f"{scenario}:\n{outcome['trace']}"
        return outcome["result"]


class Environments:
    """The environments of the clients; made when they are not there yet."""

    def __init__(self) -> None:
        tool = str(_REPOSITORY / "tools" / "clients.py")
        done = subprocess.run(
            [sys.executable, tool], capture_output=True, text=True, timeout=_MAKING, check=False
        )
        assert done.returncode == 0, done.stderr
        self._places = {name: Path(place) for name, place in json.loads(done.stdout).items()}

    def program(self, kind: str, name: str) -> Path:
        """An executable of a Python environment."""
        return self._places[kind] / "bin" / name

    def run(self, kind: str, program: str, url: str) -> Results:
        """Run a program of the folder ``programs`` against the service at `url`."""
        home = str(self._places[kind])  # what the clients keep stays with them
        interpreter = "node" if kind == "javascript" else str(self.program(kind, "python"))
        with (
            subprocess.Popen(
                [interpreter, str(_HERE / "programs" / program)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment(home, SERVICE_URL=url, CLIENTS=home),
            ) as process,
            _killed_after(process, _RUNNING),
        ):
            lines, rest = process.communicate()
        return Results(lines, f"it ended with {process.returncode}\n{rest[-4000:]}")


@contextmanager
def _killed_after(process: subprocess.Popen[str], seconds: float) -> Iterator[None]:
    timer = threading.Timer(seconds, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()


def environment(home: str, **variables: str) -> dict[str, str]:
    """The variables of a client's process: none of the user's, none that leads to another server."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG") if name in os.environ}
    alone = {"NO_PROXY": "*", "PYTHONWARNINGS": "ignore", "LANGSMITH_TRACING": "false"}
    return {**kept, **alone, "HOME": home, **variables}
