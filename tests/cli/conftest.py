from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.fake_service import FakeService

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def service() -> Iterator[FakeService]:
    with FakeService() as fake:
        yield fake
