from __future__ import annotations

from e2e.conftest import model, serve
from e2e.reporting import pytest_runtest_makereport

__all__ = ["model", "pytest_runtest_makereport", "serve"]
