"""An engine with the stand-in of `axllm serve` as a real process behind it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axm1_llm.child import Child, start_child
from axm1_llm.descriptors import ModelDescriptor
from axm1_llm.engine import Deadlines, Engine, Generation, GenerationRequest, Host, Summary
from axm1_llm.engine.generation import Delta
from axm1_llm.tokenizer.prompts import Message, PromptSpec
from engine.conftest import RecordingMetrics, within

PATIENT = Deadlines(load=10, prefill=10, output=10, cancel=5, backoff=0.001, backoff_limit=0.01)
_PROGRAM = """#!/bin/sh
exec '{python}' -m axm1_llm.sim.axllm "$@"
"""


def write_model(folder: Path, **config: Any) -> None:
    """Make a model folder of the third generation, with the stand-in in it."""
    (folder / "config.json").write_text(json.dumps({"model_name": "vendor/m", "axmodel_num": 2, **config}))
    program = folder / "axllm"
    program.write_text(_PROGRAM.format(python=sys.executable))
    program.chmod(0o755)


class WatchedMetrics(RecordingMetrics):
    """Tells when the model came into another state."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = asyncio.Event()

    def state_changed(self, model: str, state: str) -> None:
        super().state_changed(model, state)
        self.changed.set()


@dataclass
class ServerBench:
    """An engine, and the processes that it has started."""

    engine: Engine
    metrics: WatchedMetrics
    children: list[Child] = field(default_factory=list)

    def path(self) -> list[str]:
        return [transition.target.value for transition in self.engine.status().transitions]

    async def ask(self, prompt: str | PromptSpec, **wanted: Any) -> tuple[str, Summary]:
        """The answer, once the server is free again."""
        generation = self.engine.submit(request(prompt, **wanted))
        try:
            return await answer_of(generation)
        finally:
            await within(generation.finished.wait(), 20)

    async def until(self, state: str) -> None:
        """Return when the model is in this state."""
        async with asyncio.timeout(10):
            while self.engine.status().state != state:
                self.metrics.changed.clear()
                await self.metrics.changed.wait()


def request(prompt: str | PromptSpec, **wanted: Any) -> GenerationRequest:
    if isinstance(prompt, str):
        prompt = PromptSpec((Message("user", prompt),))
    return GenerationRequest(prompt, **wanted)


async def deltas_of(generation: Generation, heard: list[Delta] | None = None) -> list[Delta]:
    """All that was delivered; it is in `heard` too, also when it breaks off."""
    heard = [] if heard is None else heard
    async with asyncio.timeout(10):
        async for deltas in generation.batches():
            heard.extend(deltas)
    return heard


async def answer_of(generation: Generation) -> tuple[str, Summary]:
    """The whole answer and its figures."""
    text = "".join(delta.text for delta in await deltas_of(generation))
    assert generation.summary is not None
    return text, generation.summary


@asynccontextmanager
async def server_bench(
    folder: Path, deadlines: Deadlines = PATIENT, keys: dict[str, Any] | None = None, **config: Any
) -> AsyncIterator[ServerBench]:
    """An engine for a model folder whose `config.json` says this; proves that no process is left."""
    write_model(folder, **config)
    described = {"model_name": "m", "runtime": "axllm", "model_path": folder, **(keys or {})}
    descriptor = ModelDescriptor.model_validate(described)
    children: list[Child] = []

    @asynccontextmanager
    async def spawn(*words: Any, **settings: Any) -> AsyncIterator[Child]:
        async with start_child(*words, **settings) as child:
            children.append(child)
            yield child

    metrics = WatchedMetrics()
    engine = Engine(descriptor, None, metrics, Host(dict(os.environ), deadlines, spawn))
    task = asyncio.create_task(engine.run())
    try:
        yield ServerBench(engine, metrics, children)
    finally:
        await within(engine.close(task), 20)
        assert all(child.exited.done() for child in children)
