"""Write the Grafana dashboard from the panels in ``dashboard/rows.py``.

Run: python tools/generate_dashboard.py [--check]
With --check nothing is written; exit code 1 says that the file is stale.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dashboard.document import document
from dashboard.rows import ROWS

FILE = Path(__file__).resolve().parent.parent / "monitoring" / "grafana" / "axm1-llm.json"


def main(arguments: list[str]) -> int:
    """Write the file, or compare it."""
    text = document(ROWS)
    if FILE.exists() and FILE.read_text(encoding="utf-8") == text:
        return 0
    if "--check" in arguments:
        print(f"{FILE.name} is stale; run: make docs", file=sys.stderr)
        return 1
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
