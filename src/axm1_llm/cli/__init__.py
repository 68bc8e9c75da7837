"""The `axm1` command: starts the services, and is a client of their API."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and exit; the distribution's entry point."""
    try:
        if "_AXM1_COMPLETE" in os.environ:  # a shell asks what may follow on its line
            import axm1_llm.cli.completion  # noqa: F401, PLC0415 - bash's part is ours, click has to know

        from axm1_llm.cli.root import axm1  # noqa: PLC0415 - a Ctrl-C while it loads is caught too

        axm1(prog_name="axm1")
    except KeyboardInterrupt:
        sys.exit(130)
