"""Write the pages of docs/reference, each from the code it describes.

Run: python tools/generate_docs.py [--check]
With --check nothing is written; exit code 1 says that a page is stale, and which.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from reference import alerts, cli, descriptor, doctor, faults, http, metrics, settings, states

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
PAGES: Mapping[str, Callable[[], str]] = {
    "alerts.md": alerts.page,
    "cli.md": cli.page,
    "descriptor.md": descriptor.page,
    "doctor.md": doctor.page,
    "fault-matrix.md": faults.page,
    "http.md": http.page,
    "metrics.md": metrics.page,
    "settings.md": settings.page,
    "states.md": states.page,
}


def main(arguments: list[str]) -> int:
    """Write the pages, or compare them."""
    stale = [name for name, page in PAGES.items() if not _is_current(FOLDER / name, page())]
    if "--check" in arguments:
        for name in stale:
            print(f"docs/reference/{name} is stale; run: make docs", file=sys.stderr)
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in stale:
        (FOLDER / name).write_text(PAGES[name](), encoding="utf-8")
    return 0


def _is_current(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
