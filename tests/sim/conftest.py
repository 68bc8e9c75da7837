from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from sim.byte_tokenizer import ByteTokenizer
from sim.runs import Run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tokenizer() -> Iterator[ByteTokenizer]:
    with ByteTokenizer() as server:
        yield server


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Starts the stand-in; whatever is left of it is killed at the end."""
    with ExitStack() as stack:

        def start_run(*flags: str, **options: Any) -> Run:
            run = Run(flags, cwd=tmp_path, env=dict(os.environ), **options)
            stack.callback(run.close)
            return run

        yield start_run
