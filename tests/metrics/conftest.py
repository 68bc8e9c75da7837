from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence


# What axcl-smi prints, made up after the layout that public pages show; not recorded.
@pytest.fixture(scope="session")
def one_card() -> str:
    return Path(__file__).with_name("axcl-smi-one-card.txt").read_text()


@pytest.fixture(scope="session")
def two_cards() -> str:
    return Path(__file__).with_name("axcl-smi-two-cards.txt").read_text()


@pytest.fixture
def tool(tmp_path: Path) -> Callable[[Sequence[str]], Path]:
    """Make an executable shell script that stands where axcl-smi stands."""

    def make(lines: Sequence[str]) -> Path:
        path = tmp_path / "axcl-smi"
        path.write_text("\n".join(("#!/bin/sh", *lines, "")))
        path.chmod(0o755)
        return path

    return make


@pytest.fixture
def environ() -> dict[str, str]:
    return {"PATH": os.environ["PATH"]}


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Wait until something outside of this process or loop is so; fails after 5 s."""

    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110 - files and processes set no event
                await asyncio.sleep(0.01)

    return wait
