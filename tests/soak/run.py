"""A soak from its first prompt to its last: one long life of the service, then some short ones."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from soak.audit import Audit
from soak.chaos import Blows, Chaos
from soak.client import Actor, connections
from soak.gauge import SERVICES, Gauge
from soak.ledger import Ledger
from soak.lives import Lives, new_folder, tail
from soak.plan import Client
from soak.report import Report, say

_SAMPLE = 2.0  # seconds between two looks at the memory
_LONG = 1800.0  # from so many seconds on, memory has to stay where it was after the first minute
_TOO_MUCH = 1024.0  # MiB
_GROWTH, _SHORT_GROWTH = 0.05, 0.20


class RunawayError(Exception):
    """The service takes the machine's memory: the soak ends at once."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for.

    Attributes:
        seconds: for both phases together.
        seed: of every die.
        clients: at the same time.
        restarts: the share of the time in which the services themselves are killed and restarted.
        pause: seconds between two blows, on the average.
        every: seconds between two lines of progress.
    """

    seconds: float
    seed: str
    clients: int = 20
    restarts: float = 0.2
    pause: float = 4.0
    every: float = 30.0


def soak(wanted: Wanted) -> int:
    """Run it; the exit code."""
    say(f"seed {wanted.seed}, {wanted.seconds:g} s, {wanted.clients} clients")
    with new_folder() as folder:
        return asyncio.run(_Soak(wanted, Path(folder)).run())


def _cancel(task: asyncio.Task[int] | None) -> Callable[[], object]:
    assert task is not None
    return task.cancel


class _Soak:
    def __init__(self, wanted: Wanted, folder: Path) -> None:
        self._wanted = wanted
        self._blows = Blows()
        self._ledger = Ledger(self._blows, say)
        self._lives = Lives(folder, self._ledger.found)
        self._gauge = Gauge(self._lives)
        self._clients = [Client(wanted.seed, number, self._lives.fleet) for number in range(wanted.clients)]
        self._chaos = Chaos(wanted.seed, self._lives, self._blows)
        self._memory: list[str] = []

    async def run(self) -> int:
        """Both phases; the exit code."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _cancel(asyncio.current_task()))
        report = Report(self._ledger, self._blows, time.monotonic())
        try:
            await self._both_phases(report)
        except* RunawayError as runaway:
            self._ledger.found("memory", str(runaway.exceptions[0]))
        finally:
            log = self._lives.service.log
            self._lives.close()
        report.summary([kind.name for kind in self._lives.fleet], self._memory)
        if self._ledger.problems:
            say(f"\nThe last words of the service:\n{tail(log)}\n\nFAILED; seed {self._wanted.seed}")
            return 1
        say(f"passed; seed {self._wanted.seed}")
        return 0

    async def _both_phases(self, report: Report) -> None:
        audit = Audit(self._lives.fleet, self._gauge, self._ledger)
        await asyncio.to_thread(audit.begin)
        report.begun = time.monotonic()
        await self._long_life(report, audit)
        await self._phase(report, self._wanted.seconds * self._wanted.restarts, restarts=True)
        await asyncio.to_thread(audit.rest)
        self._ledger.close()
        await asyncio.to_thread(self._lives.end)

    async def _long_life(self, report: Report, audit: Audit) -> None:
        begun = time.monotonic()
        await self._phase(report, self._wanted.seconds * (1 - self._wanted.restarts), restarts=False)
        ended = time.monotonic()
        end = await asyncio.to_thread(audit.end)
        assert audit.start is not None
        minute = min(60.0, (ended - begun) / 3)
        for name in SERVICES:
            first = self._gauge.resident(name, begun + minute, begun + minute * 1.5)
            last = self._gauge.resident(name, ended - minute / 2, ended)
            self._note_memory(name, first, last, long=ended - begun >= _LONG)
            self._memory.append(f"  at rest, before: {audit.start.readings[name]}")
            self._memory.append(f"  at rest, after:  {end.readings[name]}")

    def _note_memory(self, name: str, first: float, last: float, *, long: bool) -> None:
        growth = last / first - 1
        self._memory.append(
            f"{name}: {first:.1f} MiB after the first minute, {last:.1f} MiB at the end ({growth:+.1%})"
        )
        if growth > (_GROWTH if long else _SHORT_GROWTH):
            self._ledger.found("memory", self._memory[-1])

    async def _phase(self, report: Report, seconds: float, *, restarts: bool) -> None:
        """Let all clients act for so long; returns when each has the outcome of its last prompt."""
        pause = self._wanted.pause / (2 if restarts else 1)
        over = asyncio.Event()
        calm = asyncio.Event()  # the clients' last prompts are not struck any more
        async with connections(self._lives.service.url) as http, asyncio.TaskGroup() as group:
            actor = Actor(*http, self._ledger)
            watch = group.create_task(self._watch(report))
            chaos = group.create_task(self._chaos.play(calm, pause=pause, restarts=restarts))
            clients = [group.create_task(actor.play(client, over)) for client in self._clients]
            await asyncio.sleep(seconds)
            calm.set()
            await chaos
            over.set()
            await asyncio.wait(clients)
            watch.cancel()

    async def _watch(self, report: Report) -> None:
        said = time.monotonic()
        while True:
            await asyncio.sleep(_SAMPLE)
            readings = self._gauge.sample()
            self._lives.check_files()
            for name, reading in readings.items():
                if reading.resident > _TOO_MUCH:  # this machine has other work too
                    raise RunawayError(f"{name} holds {reading}")
            if time.monotonic() - said >= self._wanted.every:
                said = time.monotonic()
                report.progress(readings)
