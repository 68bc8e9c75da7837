"""What must be true when the last prompt of a life has ended."""

from __future__ import annotations

import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from e2e.services import Service
from soak.fleet import Kind
from soak.gauge import Gauge, Reading, at_rest
from soak.ledger import Ledger, Outcome

_REQUESTS = re.compile(r'^axm1_llm_requests_total\{model="([^"]+)",outcome="([^"]+)"\} (\S+)$', re.MULTILINE)
_AT_REST = {"idle", "ready", "failed"}
_SETTLING = 60.0
_WORDS = " ".join(str(number) for number in range(10_000))
# Connections that the two services keep to each other, and that the metrics file's thread may have open.
_SPARE_SOCKETS = 6


@dataclass(frozen=True, slots=True)
class Rest:
    """A life with no prompt in hand and no model loaded."""

    readings: dict[str, Reading]
    commands: list[str]


@dataclass(slots=True)
class Audit:
    """Compares the end of a life with its start, and its metrics with the ledger.

    Args:
        fleet: the models.
        gauge: of this life.
        ledger: told what is wrong.
    """

    fleet: tuple[Kind, ...]
    gauge: Gauge
    ledger: Ledger
    start: Rest | None = None
    _before: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def _service(self) -> Service:
        return self.gauge.lives.service

    def begin(self) -> None:
        """Wake everything up once, put it to rest, and remember what that takes."""
        # At once: pools of threads and connections are as large as they were needed at some time.
        with ThreadPoolExecutor(len(self.fleet) * 4) as clients:
            list(clients.map(self._warm_up, [*self.fleet] * 4))
        for kind in self.fleet:
            # The tokenizers' library keeps the first 10,000 words that each model sees: random texts would
            # fill that for an hour. The prompt is too long, but its words are looked at.
            self._service.post(_WORDS, kind.name)
        self.start = self.rest()
        self._before = self._counted()

    def _warm_up(self, kind: Kind) -> None:
        for stream in (False, True):
            self._service.post("warm up", kind.name, stream=stream)
            body = {"model": kind.name, "messages": [{"role": "user", "content": "warm up"}]}
            self._service.http.post("/v1/chat/completions", json={**body, "stream": stream})
        for path in ("/metrics", "/api/tags", "/api/status"):
            self._service.http.get(path)

    def rest(self) -> Rest:
        """Wait for the end of every prompt, unload every model, and look."""
        self._settle()
        for kind in self.fleet:
            self._service.post("", kind.name, keep_alive=0)
        self._settle()
        return Rest(at_rest(self.gauge, self._service.pause), self.gauge.commands())

    def end(self) -> Rest:
        """The same at the end of the life, compared with its start and with the ledger."""
        end, start = self.rest(), self.start
        assert start is not None
        if end.commands != start.commands:
            self.ledger.found(
                "orphan", f"processes at the start: {start.commands}, at the end: {end.commands}"
            )
        for name, now in end.readings.items():
            was = start.readings[name]
            if (
                now.files > was.files
                or now.threads > was.threads
                or now.sockets > was.sockets + _SPARE_SOCKETS
            ):
                self.ledger.found("leak", f"{name} at the start: {was}; at the end: {now}")
        self._check_metrics()
        return end

    def _settle(self) -> None:
        until = time.monotonic() + _SETTLING
        while busy := [each for each in self._models() if _is_busy(each)]:
            if time.monotonic() > until:
                self.ledger.found("stuck", f"{_SETTLING:g} s after the last prompt: {busy}")
                return
            self._service.pause()

    def _models(self) -> list[dict[str, object]]:
        models: list[dict[str, object]] = self._service.http.get("/api/status").json()["models"]
        return models

    def _counted(self) -> Counter[tuple[str, str]]:
        text = self._service.http.get("/metrics").text
        return Counter({(name, outcome): int(float(n)) for name, outcome, n in _REQUESTS.findall(text)})

    def _check_metrics(self) -> None:
        """Who left may have been counted as anything, or not at all when the prompt had not come yet."""
        counted = self._counted()
        counted.subtract(self._before)
        for kind in self.fleet:
            name = kind.name
            left = self.ledger.prompts(Outcome.LEFT, name) + self.ledger.prompts(Outcome.DISCONNECTED, name)
            failed = self.ledger.prompts(Outcome.REFUSED, name) + self.ledger.prompts(
                Outcome.BROKEN_OFF, name
            )
            seen = {
                "stop": self.ledger.prompts(Outcome.ANSWERED, name, "stop"),
                "length": self.ledger.prompts(Outcome.ANSWERED, name, "length"),
                "failed": failed,
                "cancelled": 0,
            }
            service = {outcome: counted[name, outcome] for outcome in seen}
            more = {outcome: service[outcome] - count for outcome, count in seen.items()}
            if min(more.values()) < 0 or sum(more.values()) > left:
                self.ledger.found("metrics", f"'{name}': {service}, clients saw {seen} and {left} left early")


def _is_busy(model: dict[str, object]) -> bool:
    return model["status"] not in _AT_REST or bool(model["queue_length"])
