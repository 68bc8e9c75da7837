from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette

from axm1_llm.descriptors import ModelDescriptor
from axm1_llm.tokenizer.client import TokenizerClient
from axm1_llm.tokenizer.service import build_app
from tokenizer.families import FAMILIES, family_folder
from tokenizer.tiny import write_tiny_tokenizer

TOKEN = "a-token-of-the-tests"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A folder with a tiny tokenizer."""
    return write_tiny_tokenizer(tmp_path / "tiny")


@pytest.fixture
def describe(tmp_path: Path) -> Callable[..., ModelDescriptor]:
    """Makes descriptors with a free port; keys can be given."""

    def make(**keys: Any) -> ModelDescriptor:
        known: dict[str, Any] = {
            "model_name": "tiny",
            "run_cmd": "./run.sh",
            "model_path": tmp_path,
            "tokenizer_port": free_port(),
        }
        return ModelDescriptor(**{**known, **keys})

    return make


@dataclass(frozen=True, slots=True)
class Running:
    """A tokenizer-service on a real port, and a client of it."""

    url: str
    client: TokenizerClient


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Any]]:
    """Runs tokenizer-services until the test is over."""
    async with contextlib.AsyncExitStack() as stack:

        async def run(*models: ModelDescriptor, token: str = TOKEN) -> Running:
            return await stack.enter_async_context(serving(build_app(models, TOKEN), token))

        yield run


@contextlib.asynccontextmanager
async def serving(app: Starlette, token: str) -> AsyncIterator[Running]:
    """Runs an application; `token` is the client's."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    client = TokenizerClient(url, token)
    try:
        yield Running(url, client)
    finally:
        await client.aclose()
        server.should_exit = True
        async with asyncio.timeout(10):
            await task


@pytest.fixture(scope="session", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> tuple[str, Path]:
    """A family's name and the folder of its tokenizer files."""
    return request.param, family_folder(request.param)
