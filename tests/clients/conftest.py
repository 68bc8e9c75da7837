from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from axm1_llm.demo import prepare_demo
from clients.clients import Environments
from clients.stand_in import stand_ins
from e2e.models import Model
from e2e.reporting import RUNNING, pytest_runtest_makereport
from e2e.services import Service, free_port

__all__ = ["pytest_runtest_makereport"]  # a hook of pytest: it is looked for here


@pytest.fixture(scope="session")
def environments() -> Environments:
    return Environments()


KEY = "a-key-that-clients-send"


@pytest.fixture(scope="module")
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with the real model of the demo and the stand-ins, until the module is over."""
    with _running(request, tmp_path_factory.mktemp("models")) as service:
        yield service


@pytest.fixture
def guarded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The same, and clients have to send `KEY`."""
    with _running(request, tmp_path_factory.mktemp("guarded"), env={"AXM1_API_KEY": KEY}) as service:
        yield service


@contextmanager
def _running(
    request: pytest.FixtureRequest, folder: Path, env: dict[str, str] | None = None
) -> Iterator[Service]:
    descriptor = _write(folder, stand_ins(folder))
    options = ("--tokenizer-port", str(free_port()), "--variants-file", str(folder / "variants.json"))
    running = request.session.stash.setdefault(RUNNING, [])
    with Service("serve", free_port(), "--descriptor", str(descriptor), *options, env=env) as service:
        running.append(service)
        try:
            yield service.started()
        finally:
            running.remove(service)


def _write(folder: Path, models: tuple[Model, ...]) -> Path:
    for model in models:
        model.write()
    entries = [_demo_entry(), *(model.entry for model in models)]
    file = folder / "model-descriptor.json"
    file.write_text(json.dumps(entries), "utf-8")
    return file


def _demo_entry() -> dict[str, object]:
    """The entry of the demo's own descriptor file, for a file that is elsewhere."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    demo = prepare_demo(
        Path(os.environ.get("AXM1_DEMO_DIR") or cache / "axm1-llm" / "demo"), python=sys.executable
    )
    (entry,) = json.loads(demo.read_text("utf-8"))
    return {**entry, "model_path": str(demo.parent / entry["model_path"]), "tokenizer_port": free_port()}
