"""What the two services hold: memory, files, threads; sampled under load, compared at rest."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from soak.lives import Lives

SERVICES = ("llm-service", "tokenizer-service")


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at one service; `resident` is in MiB."""

    at: float
    resident: float
    files: int
    sockets: int
    threads: int

    def __str__(self) -> str:
        return f"{self.resident:.1f} MiB, {self.files} files, {self.sockets} sockets, {self.threads} threads"


@dataclass(slots=True)
class Gauge:
    """Readings of one life of the services."""

    lives: Lives
    readings: dict[str, list[Reading]] = field(default_factory=lambda: {name: [] for name in SERVICES})

    def look(self) -> dict[str, Reading]:
        """One reading of each service that is there."""
        tokenizer = self.lives.tokenizer_service()
        pids = {SERVICES[0]: self.lives.service.pid, SERVICES[1]: tokenizer.pid if tokenizer else None}
        found = {}
        for name, pid in pids.items():
            if pid is not None and (reading := _read(pid)):
                found[name] = reading
        return found

    def sample(self) -> dict[str, Reading]:
        """The same, kept."""
        found = self.look()
        for name, reading in found.items():
            self.readings[name].append(reading)
        return found

    def resident(self, name: str, since: float, until: float) -> float:
        """The mean memory of a service between two times."""
        wanted = [each.resident for each in self.readings[name] if since <= each.at <= until]
        return sum(wanted) / len(wanted) if wanted else 0.0

    def commands(self) -> list[str]:
        """All processes of the life, without numbers."""
        return sorted(" ".join(process.cmdline()[:4]) for process in self.lives.service.processes())


def _read(pid: int) -> Reading | None:
    try:
        process = psutil.Process(pid)
        targets = [_target(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()]
        sockets = sum(target.startswith("socket:") for target in targets)
        memory = process.memory_info().rss / 2**20
        return Reading(time.monotonic(), memory, len(targets) - sockets, sockets, process.num_threads())
    except (psutil.NoSuchProcess, OSError):
        return None


def _target(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except OSError:  # closed meanwhile
        return ""


def at_rest(gauge: Gauge, pause: Callable[[], None], seconds: float = 20.0) -> dict[str, Reading]:
    """The readings once they no longer change."""
    until = time.monotonic() + seconds
    last = gauge.look()
    same = 0
    while same < 10 and time.monotonic() < until:
        pause()
        now = gauge.look()
        same = same + 1 if _held(now) == _held(last) else 0
        last = now
    return last


def _held(readings: dict[str, Reading]) -> list[tuple[int, int, int]]:
    return [(each.files, each.sockets, each.threads) for each in readings.values()]
