"""The alerts, by Prometheus' own tool: well-formed, and each raised by what it is for and by nothing else."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from axm1_llm.metrics import definitions as d
from metrics.debian import program

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "monitoring" / "prometheus"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((FOLDER / "axm1-llm.rules.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
TESTS: list[dict[str, Any]] = yaml.safe_load((FOLDER / "axm1-llm.test.yml").read_text("utf-8"))["tests"]


def promtool(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [program("promtool", "prometheus"), *arguments],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def expected(test: dict[str, Any]) -> list[list[str]]:
    """The alerts that a test wants to see at each of the times at which it looks."""
    return [
        [re.findall(r'alertname="(\w+)"', sample["labels"])[0] for sample in look["exp_samples"]]
        for look in test["promql_expr_test"]
    ]


def test_the_configuration_and_the_rules_are_well_formed() -> None:
    code, output = promtool("check", "config", "prometheus.yml")
    assert code == 0, output
    assert f"{len(RULES)} rules found" in output


def test_every_alert_is_raised_by_what_it_is_for_and_by_nothing_else() -> None:
    code, output = promtool("test", "rules", "axm1-llm.test.yml")
    assert code == 0, output


def test_every_alert_has_a_test_in_which_it_is_raised_and_a_moment_in_which_it_is_not() -> None:
    every = [expected(test) for test in TESTS]
    for rule in RULES:
        looks = [looks for looks in every if any(rule["alert"] in look for look in looks)]
        assert looks, rule["alert"]
        assert all([] in look for look in looks), rule["alert"]


def test_every_alert_says_what_is_wrong_what_it_means_what_to_do_and_where_to_read_on() -> None:
    headings = set(
        re.findall(r"^## (\w+)$", (ROOT / "docs/reference/alerts.md").read_text("utf-8"), re.MULTILINE)
    )
    for rule in RULES:
        notes = rule["annotations"]
        assert set(notes) == {"summary", "meaning", "action", "runbook"}, rule["alert"]
        assert notes["runbook"] == f"docs/reference/alerts.md#{rule['alert'].lower()}"
        assert rule["alert"] in headings
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}


def test_a_summary_uses_only_labels_that_its_alert_has() -> None:
    for rule in RULES:
        used = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        samples = [
            sample["labels"]
            for test in TESTS
            for look in test["promql_expr_test"]
            for sample in look["exp_samples"]
            if f'alertname="{rule["alert"]}"' in sample["labels"]
        ]
        assert samples, rule["alert"]
        assert all(used <= set(re.findall(r"(\w+)=", labels)) for labels in samples), rule["alert"]


def test_the_rules_name_only_metrics_that_exist() -> None:
    every = {metric.name for metric in (*d.MODEL_METRICS, *d.CARD_METRICS, *d.SERVICE_METRICS)}
    every |= {f"{metric.name}_bucket" for metric in d.MODEL_METRICS if metric.buckets}
    every |= {"axm1_llm_process_start_time_seconds"}
    for rule in RULES:
        assert set(re.findall(r"axm1_llm_\w+", rule["expr"])) <= every, rule["alert"]
