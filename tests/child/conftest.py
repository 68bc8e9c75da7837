"""Every test here runs on both event loops: they differ in how they watch pipes and processes."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest
import uvloop

from child.processes import Liveness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
def liveness(tmp_path: Path) -> Iterator[Liveness]:
    """What the processes under test hold open as ``alive``: its end of file proves that all are gone."""
    os.mkfifo(tmp_path / "alive")
    with Liveness(tmp_path / "alive") as liveness:
        yield liveness
