"""The page of the alerts, out of the rules file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

RULES = Path(__file__).resolve().parents[2] / "monitoring" / "prometheus" / "axm1-llm.rules.yml"

_INTRODUCTION = """\
# Alerts

<!-- Made by `make docs` from monitoring/prometheus/axm1-llm.rules.yml; change that, not this page. -->

The rules of `monitoring/prometheus/axm1-llm.rules.yml`, with what each means and what to do. They were tried against
made-up figures (`promtool test rules axm1-llm.test.yml`), each with what must raise it and what must not, and never with
those of a real card: take their thresholds as a start. How to use them: [Watch it](../how-to/watch.md).

| alert | severity | in short |
|---|---|---|
"""


def page() -> str:
    """The whole page."""
    rules = [rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]]
    rows = "".join(
        f"| [{rule['alert']}](#{rule['alert'].lower()}) | {rule['labels']['severity']} "
        f"| {_without_values(rule['annotations']['summary'])} |\n"
        for rule in rules
    )
    return _INTRODUCTION + rows + "".join(_section(rule) for rule in rules)


def _section(rule: dict[str, Any]) -> str:
    expression = "\n".join(f"    {line}" for line in rule["expr"].rstrip().splitlines())
    told = f"when this holds for {rule['for']}" if "for" in rule else "as soon as this holds"
    notes = rule["annotations"]
    return f"""
## {rule["alert"]}

{notes["meaning"]}

**Do**: {notes["action"]}

It is raised {told}:

{expression}
"""


def _without_values(template: str) -> str:
    """The summary with the names of the labels in place of their values."""
    words = template.replace("{{ $labels.", "<").replace("{{ $value", "<a figure")
    head, *rest = words.split("<")
    return head + "".join(f"*{_name(part)}*{part.partition('}}')[2]}" for part in rest)


def _name(part: str) -> str:
    return part.partition("}}")[0].partition("|")[0].strip()
