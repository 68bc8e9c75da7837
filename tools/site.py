"""Build the documentation as a site, strictly: a dead link or a page that nothing leads to is an error.

Run: python tools/site.py [FOLDER]
MkDocs runs in an environment of its own (requirements/docs.txt), made when it is missing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from clients import docs_environment

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    """Build it into the folder, or into ``site``."""
    (folder,) = arguments or (str(ROOT / "site"),)
    python = docs_environment() / "bin" / "python"
    # Not --quiet: it hides the warnings from --strict too.
    command = (python, "-m", "mkdocs", "build", "--strict", "--site-dir", folder)
    # The theme advertises its successor with each build unless this is set.
    environ = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode != 0:
        print(done.stderr, file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
