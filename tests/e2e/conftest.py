from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from e2e.models import Model, write_descriptor
from e2e.reporting import RUNNING, pytest_runtest_makereport
from e2e.services import Service, free_port

__all__ = ["pytest_runtest_makereport"]  # a hook of pytest: it is looked for here

Serve = Callable[..., Service]


@pytest.fixture(scope="module")
def serve(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Runs `axm1 serve` with these models until the module is over, whatever happens."""
    with ExitStack() as stack:
        yield _starter(request, stack, tmp_path_factory)


@pytest.fixture
def serve_once(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """The same until the test is over."""
    with ExitStack() as stack:
        yield _starter(request, stack, tmp_path_factory)


def _starter(request: pytest.FixtureRequest, stack: ExitStack, folders: pytest.TempPathFactory) -> Serve:
    running = request.session.stash.setdefault(RUNNING, [])

    def start(*models: Model, options: tuple[str, ...] = (), env: dict[str, str] | None = None) -> Service:
        descriptor = write_descriptor(folders.mktemp("models"), *models)
        service = Service(
            "serve",
            free_port(),
            *("--descriptor", str(descriptor), "--tokenizer-port", str(free_port())),
            *options,
            env=env,
        )
        stack.enter_context(service)
        running.append(service)
        stack.callback(running.remove, service)
        return service.started()

    return start


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Model]:
    """Describes a model with a folder of its own."""

    def make(*flags: str, name: str = "sim", **keys: object) -> Model:
        return Model(tmp_path_factory.mktemp(name) / "tiny", flags, dict(keys), name)

    return make
