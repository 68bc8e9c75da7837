from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from axm1_llm.metrics import definitions as d

ROOT = Path(__file__).resolve().parents[2]


def test_the_metrics_page_is_what_the_definitions_say() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "generate_metrics_docs.py", "--check"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_metric_is_on_the_page() -> None:
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    for definition in (*d.MODEL_METRICS, *d.CARD_METRICS, *d.SERVICE_METRICS):
        assert f"| `{definition.name}` | {definition.kind} |" in page
