"""Shows with a failed test what its services logged; a conftest takes it in by importing the hook."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from e2e.services import Service

RUNNING = pytest.StashKey[list[Service]]()
"""Where a session keeps the services that run."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the logs to the report."""
    report = yield
    if report.failed:
        for service in item.session.stash.get(RUNNING, []):
            report.sections.append((f"log of {service.url}", service.log[-20_000:]))
    return report
