from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from axm1_llm.descriptors import ModelDescriptor
from axm1_llm.descriptors.changes import RUNTIME_KEYS, changes
from axm1_llm.engine import Deadlines, Engine, Host
from axm1_llm.engine.generation import Generation
from axm1_llm.metrics import Metrics
from axm1_llm.metrics.smi import CardReading
from axm1_llm.scheduler import CardRoom, Scheduler
from engine.conftest import ask, within
from engine.fakes import END, MARK, FakeChild, FakeSpawn, FakeTokenizer, frames

# Tests move the clock by minutes: nothing but what they are about may be late.
PATIENT = Deadlines(load=1e6, prefill=1e6, output=1e6, backoff=0.0, backoff_limit=0.0)
MIB = 1 << 20


class Clock:
    """The loop's own clock, which a test can set forward; timers that are passed ring."""

    def __init__(self, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> None:
        self._real = loop.time
        self._ahead = 0.0
        monkeypatch.setattr(loop, "time", lambda: self._real() + self._ahead)

    async def jump(self, seconds: float) -> None:
        """So much later, with all done that was due."""
        self._ahead += seconds
        await calm()


async def calm() -> None:
    """Let everything happen that needs no time."""
    for _ in range(50):
        await asyncio.sleep(0)


class SlowTokenizer(FakeTokenizer):
    """Takes a few turns of the loop for each call, as one over HTTP does."""

    async def open_ticket(self, *arguments: Any, **options: Any) -> Any:
        await _pause()
        return await super().open_ticket(*arguments, **options)

    async def close_ticket(self, *arguments: Any, **options: Any) -> Any:
        await _pause()
        return await super().close_ticket(*arguments, **options)


async def _pause() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class FakeCard:
    """Stands for `Card`: says what a test lets it say, when it lets it."""

    def __init__(self) -> None:
        self.used = 0
        self.total = 7040
        self.asked = 0
        self.answers = asyncio.Event()
        self.answers.set()
        self.reboots: list[int] = []
        self.reboot_problem: str | None = None

    async def reboot(self, device: int) -> str | None:
        self.reboots.append(device)
        return self.reboot_problem

    async def read(self, *, fresh: bool = False) -> tuple[CardReading, ...]:
        self.asked += 1
        await self.answers.wait()
        used, total = self.used * MIB, self.total * MIB
        return (CardReading(0, "AX650N", "V2", "0:1:0.0", cmm_used_bytes=used, cmm_total_bytes=total),)


def start_up(remaining: int | None) -> bytes:
    """What a runtime prints until it is ready; None: not a word about the card."""
    said = b"" if remaining is None else b"init 0 axmodel ok,devid(0) remain_cmm(%d MB)\n" % remaining
    return b"LLM init start\n" + said + b"LLM init ok\n" + MARK


@dataclass
class Rig:
    """Several models on one card, with children that do what the test says."""

    scheduler: Scheduler
    room: CardRoom
    metrics: Metrics
    clock: Clock
    spawns: dict[str, FakeSpawn]
    describe: Callable[..., ModelDescriptor]
    engine_of: Callable[[ModelDescriptor], Engine]
    gone: list[str]
    children: dict[str, list[FakeChild]] = field(default_factory=dict)
    _answering: list[asyncio.Task[None]] = field(default_factory=list)

    async def child(self, name: str) -> FakeChild:
        """The next child of this model; it has printed nothing yet."""
        child = await self.spawns[name].child()
        self.children.setdefault(name, []).append(child)
        return child

    async def ready(self, name: str, remaining: int | None = None) -> FakeChild:
        """The same at its prompt mark."""
        child = await self.child(name)
        child.say(start_up(remaining))
        await calm()
        return child

    async def load(self, name: str, remaining: int | None = None, **wanted: Any) -> FakeChild:
        """Load a model."""
        loading = asyncio.create_task(self.scheduler.load(name, **wanted))
        child = await self.ready(name, remaining)
        await within(loading)
        return child

    async def answer(self, child: FakeChild, text: str = "yes") -> None:
        """Have the child answer the prompt in its hands."""
        await child.prompt()
        child.say(frames(text) + END + MARK)
        await calm()

    def reload(self, *names: str, **keys: Any) -> None:
        """The descriptor file has these models now, in this order; `a={...}` gives more keys of one."""
        engines = self.scheduler.engines
        now = [self.describe(name, **keys.get(name, {})) for name in names]
        found = changes((engine.descriptor for engine in engines), now, RUNTIME_KEYS)
        self.scheduler.apply(found, self.engine_of)

    def ask(self, name: str, prompt: str = "hello", **wanted: Any) -> Generation:
        return self.scheduler.generate(name, ask(prompt, **wanted))

    def state(self, name: str) -> str:
        return self.scheduler.find(name).status().state.value

    def path(self, name: str) -> list[str]:
        return [move.target.value for move in self.scheduler.find(name).status().transitions]

    def loads(self, name: str) -> int:
        return self.path(name).count("initializing")

    def started(self, name: str) -> int:
        """How many children of this model were started and not yet taken by the test."""
        return self.spawns[name]._started.qsize()

    async def evictions(self, name: str) -> float:
        text = (await self.metrics.exposition()).decode()
        (line,) = [
            each for each in text.splitlines() if each.startswith(f'axm1_llm_evictions_total{{model="{name}"')
        ]
        return float(line.split()[-1])


MakeRig = Callable[..., Any]


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeRig:
    """Makes a rig: `async with rig("a", "b", limit=1) as r`; `a={...}` gives more keys of a descriptor."""

    @asynccontextmanager
    async def make(
        *names: str,
        limit: int = 0,
        card: FakeCard | None = None,
        max_queue: int = 512,
        keep_alive: float = 300.0,
        resets: bool = False,
        **keys: Any,
    ) -> AsyncIterator[Rig]:
        loop = asyncio.get_running_loop()
        clock = Clock(loop, monkeypatch)
        metrics = Metrics(names, None)
        room = CardRoom(limit, cast("Any", card), metrics, resets=resets)
        spawns = {name: FakeSpawn() for name in names}
        gone: list[str] = []

        def engine_of(descriptor: ModelDescriptor) -> Engine:
            name = descriptor.model_name
            metrics.add(name)
            host = Host(
                {},
                PATIENT,
                cast("Any", spawns.setdefault(name, FakeSpawn())),
                clock=lambda: int(loop.time() * 1e9),
                keep_alive=keep_alive,
                room=room,
            )
            return Engine(descriptor, cast("Any", SlowTokenizer()), metrics, host)

        def described(name: str, **more: Any) -> ModelDescriptor:
            return ModelDescriptor.model_validate(_described(tmp_path / name, name, more))

        engines = [engine_of(described(name, **keys.get(name, {}))) for name in names]
        scheduler = Scheduler(engines, max_queue, room, gone.append)
        scheduler.start()
        try:
            yield Rig(scheduler, room, metrics, clock, spawns, described, engine_of, gone)
        finally:
            await within(scheduler.close())

    return make


def _described(folder: Path, name: str, keys: dict[str, Any]) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    with (folder / "l0.axmodel").open("wb") as file:
        file.truncate(keys.pop("weights_mb", 0) * MIB)
    script = folder / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    return {"model_name": name, "run_cmd": "./run.sh", "model_path": folder, "tokenizer_port": 1, **keys}
