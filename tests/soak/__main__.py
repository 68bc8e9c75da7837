"""`python -m soak`: see `make soak`."""

from __future__ import annotations

import argparse
import secrets
import sys

from soak.kills import kill_services
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
    parser.add_argument("--kills", type=int, default=0, help="only kill -9 of the services, so many times")
    given = parser.parse_args()
    seed = given.seed or secrets.token_hex(4)
    if given.kills:
        return kill_services(given.kills, seed)
    return soak(
        Wanted(
            given.seconds,
            seed,
            given.clients,
            given.restarts,
            given.pause,
            given.every,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
