"""A real Prometheus beside the running service: every query of the dashboard has data, on both ways."""

from __future__ import annotations

import asyncio
import json
import math
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from e2e.conftest import Serve
from e2e.models import Model
from e2e.services import Service
from metrics.debian import node_exporter, program, running, unused_port

ROOT = Path(__file__).resolve().parents[2]
SCRAPED, WRITTEN = "scraped", "written"
CARD = Path(__file__).parents[1] / "metrics" / "axcl-smi-one-card.txt"
RANGE = "30s"  # in place of the dashboard's $__rate_interval


def dashboard_queries() -> list[tuple[str, str]]:
    """The title of each panel, with each of its queries."""
    document = json.loads((ROOT / "monitoring" / "grafana" / "axm1-llm.json").read_text("utf-8"))
    return [
        (panel["title"], target["expr"])
        for panel in document["panels"]
        for target in panel.get("targets", ())
    ]


@pytest.fixture(scope="module")
def watched(
    serve: Serve, model: Callable[..., Model], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Service, Path]:
    """A service with two models and a card, and the folder of its files."""
    tools, files = tmp_path_factory.mktemp("tools"), tmp_path_factory.mktemp("files")
    smi = tools / "axcl-smi"
    smi.write_text(f"#!/bin/sh\ncat '{CARD}'\n")
    smi.chmod(0o755)
    service = serve(
        model(run_on_startup=True),
        model("--sim_fault segfault@output=2", name="weak"),
        options=("--metrics-dir", str(files)),
        env={"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
    )
    return service, files


@asynccontextmanager
async def prometheus(folder: Path, targets: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    """Run one with the project's configuration and rules, and a scrape every half second."""
    source = ROOT / "monitoring" / "prometheus"
    configuration = yaml.safe_load((source / "prometheus.yml").read_text("utf-8"))
    configuration["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
    configuration["rule_files"] = [str(source / name) for name in configuration["rule_files"]]
    (own,) = configuration["scrape_configs"]
    configuration["scrape_configs"] = [
        own | {"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()
    ]
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(configuration), "utf-8")
    port = unused_port()
    async with (
        running(
            program("prometheus", "prometheus"),
            f"--config.file={file}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        yield client


async def series(client: httpx.AsyncClient, query: str) -> list[dict[str, Any]]:
    """What Prometheus finds now; none while it starts."""
    try:
        answer = await client.get("/api/v1/query", params={"query": query})
    except httpx.TransportError:
        return []
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return []
    assert answer.status_code == httpx.codes.OK, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]["result"]
    return found


async def until_at_least(client: httpx.AsyncClient, query: str, value: float, count: int) -> None:
    """Return when `count` series have such a value."""
    async with asyncio.timeout(30):
        while sum(float(one["value"][1]) >= value for one in await series(client, query)) < count:  # noqa: ASYNC110 - another program's
            await asyncio.sleep(0.05)


def work(service: Service) -> None:
    """Give the figures that are shares and times a reason: answers, a failure, a load."""
    for number in range(3):
        service.ask(f"one two three four {number}")
    service.post("a prompt that breaks off", "weak")
    service.post("", keep_alive=0)
    service.ask("loaded again")


async def test_every_query_of_the_dashboard_has_data_on_both_ways(
    watched: tuple[Service, Path], tmp_path: Path
) -> None:
    service, files = watched
    async with node_exporter(files) as url:
        targets = {SCRAPED: f"127.0.0.1:{service.port}", WRITTEN: httpx.URL(url).netloc.decode()}
        async with prometheus(tmp_path, targets) as client:
            await until_at_least(client, "axm1_llm_build_info", 1, 2)
            await until_at_least(client, "count_over_time(axm1_llm_build_info[1m])", 2, 2)
            await asyncio.to_thread(work, service)
            await until_at_least(client, 'axm1_llm_requests_total{model="sim",outcome="stop"}', 4, 2)
            await until_at_least(client, 'axm1_llm_load_duration_seconds_count{model="sim"}', 2, 2)
            missing = [
                f"{way}: {title}: {query}"
                for way, instance in targets.items()
                for title, query in dashboard_queries()
                if "axm1_llm_process_" not in query or way == SCRAPED
                if not await has_data(client, query, instance)
            ]
            assert missing == []
            assert not await has_data(client, 'axm1_llm_nothing{instance=~"$instance"}', targets[SCRAPED])
            rules = (await client.get("/api/v1/rules")).json()["data"]["groups"][0]["rules"]
            assert {rule["health"] for rule in rules} == {"ok"}


async def has_data(client: httpx.AsyncClient, query: str, instance: str) -> bool:
    """Whether a query of the dashboard finds a number, with its variables filled in as Grafana does it."""
    for name, text in (("instance", re.escape(instance)), ("model", ".*"), ("__rate_interval", RANGE)):
        query = query.replace(f"${name}", text.replace("\\", "\\\\"))
    return any(not math.isnan(float(one["value"][1])) for one in await series(client, query))
