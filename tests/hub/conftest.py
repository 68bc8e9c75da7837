from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.local_hub import LocalHub, Repo, local_hub
from hub.pulled import Puller, published_files


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[LocalHub]:
    with local_hub(a__b=Repo(published_files(tmp_path / "published"))) as running:
        yield running


@pytest.fixture
def puller(hub: LocalHub, tmp_path: Path) -> Puller:
    return Puller(hub, tmp_path / "models")
