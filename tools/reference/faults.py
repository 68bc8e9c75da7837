"""The page of the fault matrix, made from the cells that the tests assert, and from the times they measured."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

_ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(_ROOT / "tests"))

from matrix.cell import LOAD_STALL, STALL, Cell  # noqa: E402 - the cells stand beside the tests
from matrix.cells import CELLS, FAULTS  # noqa: E402
from matrix.outcomes import OUTCOMES, PHASES, Outcome, Phase  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from matrix.cell import Path as States

    _Bounds = tuple[States, float, float]
    _Figures = Mapping[str, Mapping[str, float]]

FIGURES = _ROOT / "docs" / "reference" / "fault-matrix.json"

_INTRODUCTION = f"""\
# Fault matrix

<!-- Made by `make docs` from the cells in tests/matrix; change those, not this page. `make matrix` runs them. -->

What happens when something goes wrong with a runtime, in each phase of its life. Every cell is a test against the real
services and real processes, with the stand-in runtime in the executable's place: it asserts what the client gets, the
exact states of the model, the times, that no process is left and there is no second runtime, and that the next prompt
is answered. {len(CELLS)} cells; `—`: the fault cannot come in that phase, or is the same there as in a row beside it.
The time-outs are short here: {LOAD_STALL} s for loading, {STALL} s for prefill and output
([settings](settings.md): `--load-timeout`, `--prefill-timeout`, `--output-timeout`).

"""


def page() -> str:
    """The whole page."""
    return f"{_INTRODUCTION}{_table()}{_phases()}{_faults()}{_outcomes()}"


def _table() -> str:
    shorts = {(cell.fault, cell.phase): cell.outcome.short for cell in CELLS}
    head = f"| fault | {' | '.join(Phase)} |\n|---|{'---|' * len(Phase)}\n"
    rows = (
        f"| {fault} | {' | '.join(shorts.get((fault, phase), '—') for phase in Phase)} |\n"
        for fault in FAULTS
    )
    return head + "".join(rows)


def _phases() -> str:
    return "\n## The phases\n\n" + "".join(f"- **{phase}**: {text}\n" for phase, text in PHASES.items())


def _faults() -> str:
    return "\n## The faults\n\n" + "".join(f"- **{fault}**: {text}\n" for fault, text in FAULTS.items())


def _outcomes() -> str:
    measured = json.loads(FIGURES.read_text("utf-8"))
    heading = (
        "\n## The outcomes\n\n"
        "The states are those from the phase on; `…` stands for what follows them: the load of a fresh runtime, "
        "the answer\nof a client that still waits, the next prompt. The bounds are what the tests allow on a busy "
        "machine with one core; in\nbrackets stands the longest of these cells when they were measured last.\n"
    )
    return heading + "".join(_outcome(outcome, measured) for outcome in OUTCOMES)


def _outcome(outcome: Outcome, measured: _Figures) -> str:
    cells = [cell for cell in CELLS if cell.outcome == outcome]
    phases = ", ".join(phase for phase in Phase if any(cell.phase is phase for cell in cells))
    lines = [f"\n### {outcome.short}: {phases}\n", f"{outcome.meaning} The client: {outcome.end}.\n"]
    by_bounds: dict[_Bounds, list[Cell]] = {}
    for cell in cells:
        by_bounds.setdefault((cell.struck, cell.within, cell.again), []).append(cell)
    lines += (_bounds(bounds, same, measured) for bounds, same in by_bounds.items())
    return "\n".join(lines) + "\n"


def _bounds(bounds: _Bounds, cells: Sequence[Cell], measured: _Figures) -> str:
    struck, within, again = bounds
    faults = ", ".join(dict.fromkeys(cell.fault for cell in cells))
    path = " → ".join((*(f"`{state}`" for state in struck), "…"))
    rest = "at rest" if cells[0].stays_down else "ready"
    return (
        f"- {faults}: {path}; the client's end within {within:g} s ({_longest(cells, measured, 'end')}), "
        f"{rest} within {again:g} s more ({_longest(cells, measured, 'again')})"
    )


def _longest(cells: Iterable[Cell], measured: _Figures, what: str) -> str:
    found = [measured[cell.name][what] for cell in cells if cell.name in measured]
    return f"{max(found):.1f}" if found else "not measured"
