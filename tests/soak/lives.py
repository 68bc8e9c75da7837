"""The service that is soaked, life after life on the same ports, and what must be true at each end."""

from __future__ import annotations

import asyncio
import re
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil
from prometheus_client.parser import text_string_to_metric_families

from e2e.models import write_descriptor
from e2e.services import Service, free_port
from soak.fleet import ROOM, Kind, kinds, models_of

_DEFECT = re.compile(r"Traceback|\bdefect\b|engine_defect|Task exception|never awaited|never retrieved")
_STALL = "6s"
_TAIL = 60  # lines
_GONE = 2.0  # seconds in which nothing of a life may be left


class Lives:
    """Starts `axm1 serve`, and starts it again.

    Args:
        folder: for models, metrics and temporary files; empty.
        found: told what is wrong, with the kind before.

    Attributes:
        fleet: the models.
        service: the present life.
        number: of lives so far.
    """

    def __init__(self, folder: Path, found: Callable[[str, str], None]) -> None:
        self.fleet: tuple[Kind, ...] = kinds(folder / "models")
        self._found = found
        self.metrics = folder / "metrics"
        self._temporary = folder / "tmp"
        for each in (folder / "models", self.metrics, self._temporary):
            each.mkdir()
        descriptor = write_descriptor(folder, *models_of(self.fleet))  # type: ignore[arg-type]
        self._port = free_port()
        self._options = (
            *("--descriptor", str(descriptor), "--tokenizer-port", str(free_port())),
            *("--max-loaded-models", str(ROOM), "--metrics-dir", str(self.metrics)),
            *("--variants-file", str(folder / "variants.json")),
            *("--load-timeout", _STALL, "--prefill-timeout", _STALL, "--output-timeout", _STALL),
        )
        self.number = 0
        self._start()

    def _start(self) -> None:
        self.number += 1
        env = {"TMPDIR": str(self._temporary)}
        self.service = Service("serve", self._port, *self._options, env=env).started()

    def tokenizer_service(self) -> psutil.Process | None:
        """The process of the tokenizer-service; None while there is none."""
        found = self.service.processes("tokenizer-service")
        return found[0] if found else None

    def check_files(self) -> None:
        """Read the metrics files as node_exporter does, at any moment: none is ever half written."""
        for file in self.metrics.glob("*.prom"):
            text = file.read_text("utf-8")
            try:
                whole = text.endswith("\n") and any(text_string_to_metric_families(text))
            except ValueError:
                whole = False
            if not whole:
                self._found("half a file", f"{file.name} ends with {text[-100:]!r}")

    async def restart(self, number: signal.Signals) -> None:
        """End the service with a signal, prove that nothing of it is left, and start it again."""
        again = asyncio.create_task(asyncio.to_thread(self._again, number))
        try:
            await asyncio.shield(again)
        finally:  # a thread goes on when its soak is cancelled: its new service outlived all (seen)
            await asyncio.wait((again,))

    def _again(self, number: signal.Signals) -> None:
        self._end(number)
        self._start()

    def end(self) -> None:
        """End the last life."""
        self._end(signal.SIGTERM, close=False)
        # Prom files stay: they are the last words of the models. All else is a trace.
        stale = [str(each) for each in self._temporary.rglob("*") if each.is_file()]
        stale += [each.name for each in self.metrics.iterdir() if each.suffix != ".prom"]
        if stale:
            self._found("stale file", f"left behind: {stale}")

    def _end(self, number: signal.Signals, *, close: bool = True) -> None:
        service = self.service
        service.signal(number)
        code = service.wait(60)
        left = service.left(_GONE)
        name = signal.Signals(number).name
        if left:
            self._found("orphan", f"alive {_GONE:g} s after {name}: {left}")
        if code != (0 if number is signal.SIGTERM else -number):
            self._found("exit code", f"{code} after {name}; its last words:\n{tail(service.log)}")
        if defect := _DEFECT.search(service.log):
            self._found("defect in the log", service.log[max(0, defect.start() - 500) : defect.end() + 12000])
        if close:
            service.close()

    def close(self) -> None:
        """Leave nothing behind."""
        self.service.close()


def tail(log: str) -> str:
    """The last lines of a log."""
    return "\n".join(log.splitlines()[-_TAIL:])


def new_folder() -> tempfile.TemporaryDirectory[str]:
    """For all that a soak writes."""
    return tempfile.TemporaryDirectory(prefix="axm1-soak-")
