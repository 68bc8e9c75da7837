from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from axm1_llm.descriptors import ModelDescriptor
from axm1_llm.engine import Deadlines, Engine, GenerationRequest, Host, Summary
from axm1_llm.engine.generation import Generation
from axm1_llm.metrics import Metrics, PromptContext, PromptSample
from axm1_llm.tokenizer.client import TokenizerClient
from axm1_llm.tokenizer.prompts import Message, PromptSpec
from engine.fakes import FakeChild, FakeSpawn, FakeTokenizer

QUICK = Deadlines(
    load=0.2,
    prefill=0.2,
    output=0.2,
    settle=0.05,
    cancel=0.3,
    interrupt=0.02,
    backoff=0.001,
    backoff_limit=0.01,
)


class RecordingMetrics(Metrics):
    """Metrics that also remember what they were told."""

    def __init__(self) -> None:
        super().__init__([], None)
        self.samples: list[PromptSample] = []
        self.contexts: list[PromptContext | None] = []
        self.restarts = 0

    def prompt_finished(self, model: str, sample: PromptSample, context: PromptContext | None = None) -> None:
        super().prompt_finished(model, sample, context)
        self.samples.append(sample)
        self.contexts.append(context)

    def restarted(self, model: str) -> None:
        super().restarted(model)
        self.restarts += 1


@dataclass
class Bench:
    """An engine between a child and a tokenizer that do what the test says."""

    engine: Engine
    spawn: FakeSpawn
    tokenizer: FakeTokenizer
    metrics: RecordingMetrics
    task: asyncio.Task[None]

    async def ready_child(self) -> FakeChild:
        """Load the model; its child, at the prompt mark."""
        loading = asyncio.create_task(self.engine.load())
        child = await self.spawn.child()
        child.start_up()
        await within(loading)
        return child

    async def until(self, check: Callable[[], bool]) -> None:
        """Return when `check` holds."""
        async with asyncio.timeout(5):
            for _ in range(5000):
                if check():
                    return
                await asyncio.sleep(0.001)
        raise AssertionError(self.path())

    async def until_calm(self) -> None:
        """Return when all that is under way has gone as far as it goes without the child."""
        for _ in range(50):
            await asyncio.sleep(0)

    def path(self) -> list[str]:
        """The states that the model went through."""
        return [transition.target.value for transition in self.engine.status().transitions]


async def within(awaitable: Any, seconds: float = 5) -> Any:
    """The result of something that must come within `seconds`."""
    async with asyncio.timeout(seconds):
        return await awaitable


async def collect(generation: Generation) -> tuple[str, Summary]:
    """The whole answer and its figures."""
    text = ""
    async with asyncio.timeout(5):
        async for deltas in generation.batches():
            text += "".join(delta.text for delta in deltas)
    assert generation.summary is not None
    return text, generation.summary


def ask(prompt: str = "hello", **wanted: Any) -> GenerationRequest:
    return GenerationRequest(PromptSpec((Message("user", prompt),)), **wanted)


MakeBench = Callable[..., Any]


@pytest.fixture
def bench(tmp_path: Path) -> MakeBench:
    """Makes a bench: `async with bench(run_on_startup=True) as b`."""
    script = tmp_path / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)

    @asynccontextmanager
    async def make(
        deadlines: Deadlines = QUICK, *, jitter: Callable[[], float] = random.random, **keys: Any
    ) -> AsyncIterator[Bench]:
        described = {
            "model_name": "m",
            "run_cmd": "./run.sh",
            "model_path": tmp_path,
            "tokenizer_port": 1234,
            **keys,
        }
        descriptor = ModelDescriptor.model_validate(described)
        spawn, tokenizer, metrics = FakeSpawn(), FakeTokenizer(), RecordingMetrics()
        client = None if descriptor.tokenizer == "none" else cast("TokenizerClient", tokenizer)
        host = Host({}, deadlines, cast("Any", spawn), jitter=jitter)
        engine = Engine(descriptor, client, metrics, host)
        task = asyncio.create_task(engine.run())
        try:
            yield Bench(engine, spawn, tokenizer, metrics, task)
        finally:
            await within(engine.close(task))

    return make
