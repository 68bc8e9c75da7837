from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI

from axm1_llm.api.app import build_app
from axm1_llm.descriptors import ModelDescriptor
from axm1_llm.engine import Engine, Host
from axm1_llm.hub.sharing import Pulls
from axm1_llm.scheduler import Scheduler
from axm1_llm.serving.abilities import AbilityBook
from axm1_llm.serving.answering import Serving
from axm1_llm.serving.models import Models
from axm1_llm.serving.variants import VariantFile
from engine.conftest import QUICK, RecordingMetrics
from engine.fakes import END, MARK, FakeChild, FakeSpawn, FakeTokenizer, frames


@dataclass
class Service:
    """The whole application in process, with a child that does what the test says."""

    app: FastAPI
    http: httpx.AsyncClient
    scheduler: Scheduler
    spawn: FakeSpawn
    tokenizer: FakeTokenizer
    models: Models

    async def answering(self, *pieces: bytes) -> FakeChild:
        """A child that answers every prompt with `pieces`."""
        child = await self.spawn.child()
        child.start_up()
        answers = asyncio.create_task(self._answer(child, pieces or (frames("Hel", "lo"), END + MARK)))
        child.exited.add_done_callback(lambda _: answers.cancel())
        return child

    async def _answer(self, child: FakeChild, pieces: tuple[bytes, ...]) -> None:
        while True:
            await child.lines.get()
            for piece in pieces:
                child.say(piece)

    async def post(self, **body: Any) -> httpx.Response:
        async with asyncio.timeout(5):
            return await self.http.post("/api/generate", json=body)

    async def answered(self, *pieces: bytes, **body: Any) -> httpx.Response:
        """The response to a prompt that loads the model."""
        request = asyncio.create_task(self.post(**body))
        await self.answering(*pieces)
        return await request


MakeService = Callable[..., Any]


async def _nothing() -> None:
    """The service knows all that was added."""


@pytest.fixture
def service(tmp_path: Path) -> MakeService:
    script = tmp_path / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)

    @asynccontextmanager
    async def make(  # noqa: PLR0913, PLR0917 - what the application takes
        max_queue: int = 512,
        api_keys: tuple[str, ...] = (),
        origins: tuple[str, ...] = (),
        others: tuple[str, ...] = (),
        template: str = "{{ messages }}",
        variants: Path | None = None,
        refusal: str | None = None,
        hub: Mapping[str, str] | None = None,
        *,
        loopback: bool = False,
        open_metrics: bool = False,
        **keys: Any,
    ) -> AsyncIterator[Service]:
        described = {
            "model_name": "m:7b",
            "run_cmd": "./run.sh",
            "model_path": tmp_path,
            "tokenizer_port": 1234,
        }
        each = [{**described, **keys}, *({**described, "model_name": name} for name in others)]
        descriptors = [ModelDescriptor.model_validate(entry) for entry in each]
        spawn, tokenizer, metrics = FakeSpawn(), FakeTokenizer(), RecordingMetrics()
        tokenizer.template = template
        host = Host({}, QUICK, cast("Any", spawn))
        engines = [Engine(model, cast("Any", tokenizer), metrics, host) for model in descriptors]
        scheduler = Scheduler(engines, max_queue)
        models = Models(descriptors, VariantFile(variants))
        abilities = AbilityBook(lambda _: tokenizer.chat_template())
        counting = None if descriptors[0].tokenizer == "none" else tokenizer
        serving = Serving(models, abilities, scheduler, lambda _: counting)
        pulls = Pulls(tmp_path / "model-descriptor.json", {**os.environ, **(hub or {})}, _nothing, refusal)
        app = build_app(
            serving,
            metrics,
            pulls,
            api_keys=api_keys,
            origins=origins,
            loopback=loopback,
            open_metrics=open_metrics,
        )
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://axm1") as http,
        ):
            yield Service(app, http, scheduler, spawn, tokenizer, models)

    return make
