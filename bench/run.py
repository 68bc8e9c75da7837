"""What the wrapper costs, beside the bare runtime and beside a plain tokenizer script.

Run: python bench/run.py [--quick]

Everything is measured in one run, the two sides of each comparison in turn, so that a busy machine
changes the figures but hardly the ratios.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deployment import deployed
from figures import Figure, table
from first_token import measure_first_token
from gateway import measure_gateway
from speed import measure_apart, measure_speed
from start import measure_start
from workload import Workload, make_workload

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPEEDS = (1000.0, 20.0)  # tokens/s, besides all that the stand-in can: the goal's least, and a card's


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    Attributes:
        tokens: of the long answer.
        answers: long answers through the API.
        paced_answers: answers at each of the set speeds, 2 and 5 s each.
        prompts: for the time to the first token.
        decoded: long answers decoded group by group.
        starts: of each program.
    """

    tokens: int
    answers: int
    paced_answers: int
    prompts: int
    decoded: int
    starts: int


_WHOLE = Size(tokens=2000, answers=15, paced_answers=2, prompts=400, decoded=3, starts=5)
_QUICK = Size(tokens=300, answers=2, paced_answers=0, prompts=10, decoded=1, starts=1)


def measure(workload: Workload, size: Size) -> Iterator[list[Figure]]:
    """The parts of the table, one after the other."""
    with deployed(workload, rate=0) as deployment:
        # First of all, since memory is measured at rest.
        gateway = measure_gateway(deployment, size.decoded)
        yield measure_speed(deployment, size.answers)
        yield measure_apart(deployment, size.answers)
        yield measure_first_token(deployment, size.prompts)
        yield gateway
    for rate in _SPEEDS if size.paced_answers else ():
        with deployed(workload, rate) as deployment:
            yield measure_speed(deployment, size.paced_answers)
    yield measure_start(workload, size.starts)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description="What the wrapper costs, as ratios.")
    parser.add_argument("--quick", action="store_true", help="a smoke run: the figures say little")
    size = _QUICK if parser.parse_args().quick else _WHOLE
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="axm1-bench-") as folder:
        workload = make_workload(Path(folder), size.tokens)
        figures = [figure for part in measure(workload, size) for figure in part]
    print(f"{table(figures)}\n\nmeasured in {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
