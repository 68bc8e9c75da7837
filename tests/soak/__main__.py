"""`python -m soak`: see `make soak`."""

from __future__ import annotations

import argparse
import secrets
import sys

from soak.run import Wanted, soak


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(prog="soak", description="A random mix of everything, for a set time.")
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--seed", default="")
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--restarts", type=float, default=0.2, help="share of the time with restarts")
    parser.add_argument("--pause", type=float, default=4.0, help="seconds between two blows")
    parser.add_argument("--every", type=float, default=30.0, help="seconds between two lines of progress")
    given = parser.parse_args()
    return soak(
        Wanted(
            given.seconds,
            given.seed or secrets.token_hex(4),
            given.clients,
            given.restarts,
            given.pause,
            given.every,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
