"""`kill -9` of either service at random moments, under load: who sees what, and how soon all is back."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx
import psutil

from e2e.models import write_descriptor
from e2e.processes import left_of, survivors
from e2e.services import free_port
from soak.chaos import EVERYTHING, Blows
from soak.client import Actor, connections
from soak.fleet import Kind, healthy, models_of
from soak.ledger import Ledger
from soak.lives import new_folder, tail
from soak.plan import Client
from soak.report import Report, say
from soak.supervised import Supervised, supervised

_CLIENTS = 4
_BACK = 5.0  # seconds until everything is back, the load of the models not counted
_STARTS = 3.0  # or so many times what a start took here without any load: other machines are slower
_GONE = 2.0  # seconds in which nothing of a killed service may be left
_PROBE = 0.1  # seconds between two looks whether a model answers
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Victim:
    """Somebody to kill.

    Attributes:
        name: who it is, and where.
        breaks: it is the one that clients are connected to.
        kill: kills it; gives what tells who is left after so many seconds.
    """

    name: str
    breaks: bool
    kill: Callable[[], Callable[[float], list[str]]]


@dataclass(slots=True)
class Kills:
    """What came of them.

    Attributes:
        recoveries: seconds from each kill to an answer of every model, by victim.
    """

    blows: Blows = field(default_factory=Blows)
    recoveries: dict[str, list[float]] = field(default_factory=dict)
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.blows, say)


def kill_services(count: int, seed: str, *, loads: bool = True) -> int:
    """Kill `count` times, and tell; the exit code.

    Args:
        count: half of them with both services as commands of their own, half under `axm1 serve`.
        seed: of every die.
        loads: clients load and unload models too, so that a kill may hit a load. A runtime that finds no
            tokenizer then tries for ten seconds until it gives up.
    """
    say(f"seed {seed}, {count} kills")
    begun = time.monotonic()
    kills = Kills()
    log = ""
    for layout, share in ((_apart, count - count // 2), (_together, count // 2)):
        with new_folder() as folder:
            deployment = _Deployment(layout, Path(folder), kills, f"{seed}:{layout.__name__}")
            log = asyncio.run(deployment.play(share, loads=loads))
    Report(kills.ledger, kills.blows, begun).summary(
        [kind.name for kind in healthy(Path())], list(_table(kills.recoveries))
    )
    if kills.ledger.problems:
        say(f"\nThe last words:\n{log}\n\nFAILED; seed {seed}")
        return 1
    say(f"passed; seed {seed}")
    return 0


Layout = Callable[[Path, tuple[str, ...], int], tuple[tuple[Supervised, ...], tuple[Victim, ...]]]


def _apart(
    folder: Path, options: tuple[str, ...], port: int
) -> tuple[tuple[Supervised, ...], tuple[Victim, ...]]:
    """The two services as two commands, each with a supervisor."""
    log, token = folder / "log", ("--internal-token-file", str(folder / "token"))
    tokenizer = Supervised("tokenizer-service", *options, *token, log=log)
    llm = Supervised("llm-service", "--port", str(port), *options, *token, log=log)
    return (tokenizer, llm), (_supervised(llm, breaks=True), _supervised(tokenizer, breaks=False))


def _together(
    folder: Path, options: tuple[str, ...], port: int
) -> tuple[tuple[Supervised, ...], tuple[Victim, ...]]:
    """Both by `axm1 serve`, which supervises its tokenizer-service itself."""
    serve = Supervised("serve", "--port", str(port), *options, log=folder / "log")

    def kill_child() -> Callable[[float], list[str]]:
        children = psutil.Process(serve.pid).children(recursive=True)
        service = next(each for each in children if _runs(each, "tokenizer-service"))
        family = [service, *service.children(recursive=True)]
        service.send_signal(signal.SIGKILL)
        return lambda seconds: survivors(family, seconds)

    child = Victim("tokenizer-service of serve", breaks=False, kill=kill_child)
    return (serve,), (_supervised(serve, breaks=True), child)


def _supervised(program: Supervised, *, breaks: bool) -> Victim:
    def kill() -> Callable[[float], list[str]]:
        mark = program.kill()
        return lambda seconds: left_of(mark, seconds)

    return Victim(program.name, breaks, kill)


def _runs(process: psutil.Process, command: str) -> bool:
    with suppress(psutil.NoSuchProcess):
        line = process.cmdline()
        return command in line and "/bin/sh" not in line
    return False


class _Deployment:
    """A way to run both services, its clients, and its killer."""

    def __init__(self, layout: Layout, folder: Path, kills: Kills, seed: str) -> None:
        self._kills = kills
        self._ledger = kills.ledger
        self._log = folder / "log"
        self._fleet = healthy(folder / "models")
        (folder / "models").mkdir()
        descriptor = write_descriptor(folder, *models_of(self._fleet, together=False))  # type: ignore[arg-type]
        port = free_port()
        options = (
            *("--descriptor", str(descriptor), "--tokenizer-port", str(free_port())),
            *("--variants-file", str(folder / "variants.json")),
        )
        self._programs, self._victims = layout(folder, options, port)
        self._url = f"http://127.0.0.1:{port}"
        self._dice = random.Random(f"{seed}:kills")
        self._clients = [Client(seed, number, self._fleet) for number in range(_CLIENTS)]
        self._start = 0.0
        self._load = 0.0

    async def play(self, count: int, *, loads: bool) -> str:
        """Kill so many times; the end of the services' log."""
        begun = time.monotonic()
        async with supervised(*self._programs), self._probing() as http:
            await self._answers(http)
            self._start = time.monotonic() - begun
            begun = time.monotonic()
            for kind in self._fleet:
                await http.post("/api/generate", json={"model": kind.name, "keep_alive": 0})
            await self._answers(http)
            self._load = time.monotonic() - begun
            say(f"a start takes {self._start:.2f} s here, {self._load:.2f} s of that the load of the models")
            await self._under_load(http, count, loads=loads)
            return tail(self._log.read_text("utf-8", "replace"))

    @asynccontextmanager
    async def _probing(self) -> AsyncIterator[httpx.AsyncClient]:
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(
            base_url=self._url, timeout=_PATIENCE, limits=limits, trust_env=False
        ) as http:
            yield http

    async def _under_load(self, http: httpx.AsyncClient, count: int, *, loads: bool) -> None:
        over = asyncio.Event()
        async with connections(self._url) as connected, asyncio.TaskGroup() as group:
            actor = Actor(*connected, self._ledger)
            for client in self._clients:
                group.create_task(actor.play(client, over, loads=loads))
            for number in range(count):
                await asyncio.sleep(self._dice.uniform(0.1, 1.0))
                await self._kill(http, self._victims[number % len(self._victims)])
            over.set()
        self._ledger.close()

    async def _kill(self, http: httpx.AsyncClient, victim: Victim) -> None:
        others = [(program, program.lives) for program in self._programs if program.name != victim.name]
        blow = self._kills.blows.strike(f"kill -9 of {victim.name}", EVERYTHING, 300, breaks=victim.breaks)
        begun, logged = time.monotonic(), self._log.stat().st_size
        left = asyncio.create_task(asyncio.to_thread(victim.kill(), _GONE))
        await self._answers(http)
        seconds = time.monotonic() - begun
        blow.until = time.monotonic()
        self._kills.recoveries.setdefault(victim.name, []).append(seconds)
        say(f"{victim.name} killed: everything answers again after {seconds:.2f} s")
        limit = max(_BACK + self._load, _STARTS * self._start)
        if seconds > limit:
            meanwhile = self._log.read_bytes()[logged:].decode("utf-8", "replace")
            steps = "\n".join(line[:300] for line in meanwhile.splitlines() if " prompt  " not in line)
            self._ledger.found("slow", f"{victim.name}: {seconds:.1f} s, more than {limit:.1f} s:\n{steps}")
        if orphans := await left:
            self._ledger.found("orphan", f"alive {_GONE:g} s after {victim.name} was killed: {orphans}")
        for program, lives in others:
            if program.lives != lives:
                self._ledger.found("collateral", f"{program.name} ended too when {victim.name} was killed")

    async def _answers(self, http: httpx.AsyncClient) -> None:
        """Wait until every model has answered a prompt that was sent after now."""
        async with asyncio.TaskGroup() as group:
            for kind in self._fleet:
                group.create_task(self._answer(http, kind))

    async def _answer(self, http: httpx.AsyncClient, kind: Kind) -> None:
        prompt = f"<probe {os.urandom(4).hex()}>"
        body = {"model": kind.name, "prompt": prompt, "stream": False}
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            with suppress(httpx.TransportError):
                response = await http.post("/api/generate", json=body)
                if response.status_code == 200:
                    if response.json()["response"] != prompt:
                        self._ledger.found("wrong answer", f"{response.text} for {prompt!r} of '{kind.name}'")
                    return
            await asyncio.sleep(_PROBE)
        self._ledger.found("stuck", f"'{kind.name}' has not answered for {_PATIENCE:g} s")


def _table(recoveries: dict[str, list[float]]) -> Iterator[str]:
    yield f"{'seconds until all is back':30}{'kills':>7}{'least':>8}{'median':>8}{'90 %':>8}{'most':>8}"
    for name, found in recoveries.items():
        ranked = sorted(found)
        ninety = ranked[min(len(ranked) - 1, int(len(ranked) * 0.9))]
        figures = (ranked[0], median(ranked), ninety, ranked[-1])
        yield f"{name:30}{len(ranked):>7}" + "".join(f"{each:>8.2f}" for each in figures)
