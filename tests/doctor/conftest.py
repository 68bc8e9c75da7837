from __future__ import annotations

from pathlib import Path

import pytest

from doctor.models import Model, healthy_model


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return healthy_model(tmp_path / "models")
