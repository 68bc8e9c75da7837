"""The programs that read the figures in the field, as Debian ships them."""

from __future__ import annotations

import asyncio
import shutil
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


def program(name: str, package: str) -> str:
    """Where it is; a test that needs it fails when it is missing."""
    path = shutil.which(name)
    if path is None:
        pytest.fail(
            f"{name} is missing; run: apt-get install --no-install-recommends {package} "
            "(all packages that the tests need: tools/debian-packages.txt)"
        )
    return path


def unused_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


@asynccontextmanager
async def running(*command: str) -> AsyncIterator[None]:
    """Run a program for as long as the context is open."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.kill()
        async with asyncio.timeout(10):
            await process.wait()


@asynccontextmanager
async def node_exporter(folder: Path) -> AsyncIterator[str]:
    """Run node_exporter on `folder`, with the figures of its own process as it has them by default."""
    port = unused_port()
    async with running(
        program("prometheus-node-exporter", "prometheus-node-exporter"),
        "--collector.disable-defaults",
        "--collector.textfile",
        f"--collector.textfile.directory={folder}",
        f"--web.listen-address=127.0.0.1:{port}",
    ):
        yield f"http://127.0.0.1:{port}/metrics"
