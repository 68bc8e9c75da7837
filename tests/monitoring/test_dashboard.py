"""The Grafana dashboard: complete, well-formed, and made from its panels."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from axm1_llm.metrics import definitions as d

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "monitoring" / "grafana" / "axm1-llm.json"
DASHBOARD: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def lost(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """What is in `before` and not, or not the same, in `after`."""
    match before, after:
        case dict(), dict():
            for key, value in before.items():
                if key in after:
                    yield from lost(value, after[key], f"{path}/{key}")
                else:
                    yield f"{path}/{key}"
        case list(), list() if len(before) == len(after):
            for index, pair in enumerate(zip(before, after, strict=True)):
                yield from lost(*pair, f"{path}/{index}")
        case _ if before != after:
            yield path


def test_the_file_is_what_the_panels_say() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "generate_dashboard.py", "--check"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_grafanas_own_types_know_every_key() -> None:
    plugins.register_default_plugins()
    known = json.loads(JSONEncoder().encode(Dashboard.from_json(DASHBOARD)))
    assert list(lost(DASHBOARD, known)) == []
    # The comparison does look: a key that Grafana does not know is lost on this way.
    assert list(lost({**DASHBOARD, "colour": 1}, known)) == ["/colour"]


def test_every_panel_says_what_it_means_and_in_which_unit() -> None:
    for panel in PANELS:
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["targets"], panel["title"]


def test_no_two_panels_have_a_number_or_a_place_in_common() -> None:
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    taken = set[tuple[int, int]]()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


def test_every_query_goes_to_the_chosen_prometheus_and_uses_variables_that_exist() -> None:
    names = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    assert names == {"datasource", "instance", "model"}
    for panel in PANELS:
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"
            assert set(re.findall(r"\$(\w+)", target["expr"])) <= {*names, "__rate_interval"}
            assert '=~"$instance"' in target["expr"]


def test_every_metric_of_the_service_is_on_the_dashboard() -> None:
    asked = " ".join(target["expr"] for panel in PANELS for target in panel["targets"])
    every = (*d.MODEL_METRICS, *d.CARD_METRICS, *d.SERVICE_METRICS)
    elsewhere = {
        d.CARD_INFO.name,  # in the alert for a card that is gone
        d.DESCRIPTOR_READ_AT.name,  # a time, told by /api/status
    }
    assert {metric.name for metric in every if metric.name not in asked} == elsewhere
