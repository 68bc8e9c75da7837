"""What is done to the service: faults of its runtimes, killed processes, restarts; and what that excuses."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import psutil

from soak.fleet import Kind
from soak.lives import Lives

EVERYTHING = ""  # the model of a blow that hits all of them

# A stall is noticed after 6 s, and an interrupt without an effect after 15 s.
_AFTERMATH = 24.0
_SOON = 8.0


@dataclass(slots=True)
class Blow:
    """One thing that was done, and the time in which it excuses errors.

    Attributes:
        what: in words.
        model: to which one.
        begun: when, in monotonic seconds.
        until: its end, in monotonic seconds.
        marker: a fault that is armed goes on until this file is there again.
        breaks: it ends the llm-service, and so connections.
    """

    what: str
    model: str
    begun: float
    until: float
    marker: Path | None = None
    breaks: bool = False


class Blows:
    """All that was done, as an excuse for errors."""

    def __init__(self) -> None:
        self._blows: list[Blow] = []
        self.counts: Counter[str] = Counter()

    def strike(
        self, what: str, model: str, seconds: float, marker: Path | None = None, *, breaks: bool = False
    ) -> Blow:
        """Something is about to be done."""
        self.counts[what] += 1
        now = time.monotonic()
        blow = Blow(what, model, now, now + seconds, marker, breaks)
        self._blows.append(blow)
        return blow

    def excuse(self, model: str, begun: float, ended: float, *, breaks: bool = False) -> bool:
        """Whether something was done to `model`, or to all, that may show between these times.

        Args:
            model: whose request it is.
            begun: when, in monotonic seconds.
            ended: the same.
            breaks: the connection broke, which only the end of the llm-service excuses.
        """
        self._look()
        return any(
            blow.model in {EVERYTHING, model}
            and blow.begun <= ended
            and blow.until >= begun
            and (blow.breaks or not breaks)
            for blow in self._blows
        )

    def lately(self, model: str) -> str:
        """What was done to `model`, or to all, in the last minute."""
        now = time.monotonic()
        return ", ".join(
            f"{blow.what} {now - blow.begun:.1f} s ago"
            for blow in self._blows
            if blow.model in {EVERYTHING, model} and blow.begun > now - 60
        )

    def _look(self) -> None:
        """See which armed faults have struck: they end some time after that."""
        now = time.monotonic()
        for blow in self._blows:
            if blow.marker is not None and not blow.marker.exists():
                blow.until = now + _AFTERMATH
            elif blow.marker is not None:
                blow.until = now + _AFTERMATH
                blow.marker = None
        # No request is older than its patience.
        self._blows = [blow for blow in self._blows if blow.until > now - 300]


class Chaos:
    """Strikes at random moments.

    Args:
        seed: of the whole soak.
        lives: the service.
        blows: where it is written down.
    """

    def __init__(self, seed: str, lives: Lives, blows: Blows) -> None:
        self._dice = random.Random(f"{seed}:chaos")
        self._lives = lives
        self._blows = blows
        self._victims = [kind for kind in lives.fleet if not kind.spared]

    async def play(self, until: asyncio.Event, *, pause: float, restarts: bool) -> None:
        """Do something every `pause` seconds or so.

        Args:
            until: when to end.
            pause: on the average.
            restarts: whether the services themselves are struck.
        """
        common: tuple[Callable[[], Awaitable[None]], ...] = (
            *(self._arm, self._arm, self._arm),
            *(self._kill_runtime, self._kill_script, self._freeze_runtime, self._strike_tokenizer_script),
        )
        # In turn, so that a short soak has one of each.
        rare = cycle((self._terminate, self._kill_tokenizer_service, self._kill))
        while not await _over(until, self._dice.uniform(0.2, 1.8) * pause):
            deed = next(rare) if restarts and self._dice.random() < 0.5 else self._dice.choice(common)
            await deed()

    async def _arm(self) -> None:
        kind = self._dice.choice(self._victims)
        fault = self._dice.choice(kind.faults)
        marker = kind.marker(fault)
        if marker.exists():
            name = fault.partition("=")[0]
            self._blows.strike(f"fault {name}", kind.name, _AFTERMATH, marker)
            marker.unlink()

    async def _kill_runtime(self) -> None:
        number = self._dice.choice((signal.SIGKILL, signal.SIGSEGV))
        kind = self._dice.choice(self._victims)
        for victim in self._runtimes(kind):
            self._blows.strike(f"runtime {number.name}", kind.name, _SOON)
            _send(victim, number)

    async def _kill_script(self) -> None:
        """The shell between the service and the runtime."""
        kind = self._dice.choice(self._victims)
        for victim in self._lives.service.processes("run.sh", kind.folder):
            self._blows.strike("run script SIGKILL", kind.name, _SOON)
            _send(victim, signal.SIGKILL)

    async def _freeze_runtime(self) -> None:
        seconds = self._dice.uniform(0.1, 2.0)
        kind = self._dice.choice(self._victims)
        await self._freeze(self._runtimes(kind), "runtime SIGSTOP", kind, seconds)

    async def _strike_tokenizer_script(self) -> None:
        kills = self._dice.random() < 0.5
        seconds = self._dice.uniform(0.1, 3.0)
        (kind,) = (each for each in self._victims if each.scripted)
        victims = self._lives.service.processes("tokenizer.py", kind.folder)
        if not kills:
            await self._freeze(victims, "tokenizer script SIGSTOP", kind, seconds)
            return
        for victim in victims:
            self._blows.strike("tokenizer script SIGKILL", kind.name, _SOON)
            _send(victim, signal.SIGKILL)

    async def _freeze(self, victims: list[psutil.Process], what: str, kind: Kind, seconds: float) -> None:
        for victim in victims:
            self._blows.strike(what, kind.name, seconds + _AFTERMATH)
            _send(victim, signal.SIGSTOP)
        if victims:
            await asyncio.sleep(seconds)
        for victim in victims:
            _send(victim, signal.SIGCONT)

    async def _kill_tokenizer_service(self) -> None:
        if (victim := self._lives.tokenizer_service()) is not None:
            self._blows.strike("tokenizer-service SIGKILL", EVERYTHING, _AFTERMATH)
            _send(victim, signal.SIGKILL)

    async def _terminate(self) -> None:
        await self._restart(signal.SIGTERM)

    async def _kill(self) -> None:
        await self._restart(signal.SIGKILL)

    async def _restart(self, number: signal.Signals) -> None:
        blow = self._blows.strike(f"service {number.name}", EVERYTHING, 300, breaks=True)
        await self._lives.restart(number)
        blow.until = time.monotonic() + _SOON

    def _runtimes(self, kind: Kind) -> list[psutil.Process]:
        return self._lives.service.processes("axm1_llm.sim", kind.folder)


def _send(victim: psutil.Process, number: signal.Signals) -> None:
    with suppress(psutil.NoSuchProcess):
        victim.send_signal(number)


async def _over(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event came within so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
