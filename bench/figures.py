"""What was measured, beside what was aimed at."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Attributes:
        name: what was measured.
        value: the measured value, with its unit.
        goal: the goal; empty when the line only explains another one.
        met: whether the goal was reached; None without a goal.
    """

    name: str
    value: str
    goal: str = ""
    met: bool | None = None


def at_least(name: str, value: float, goal: float, digits: int = 3, unit: str = "") -> Figure:
    """A figure that should not be below its goal."""
    return Figure(
        name, f"{value:,.{digits}f}{unit}", f">= {goal:,.{_digits(goal)}f}{unit}", met=value >= goal
    )


def below(name: str, value: float, goal: float, digits: int = 3, unit: str = "") -> Figure:
    """A figure that should be below its goal."""
    return Figure(name, f"{value:,.{digits}f}{unit}", f"< {goal:,.{_digits(goal)}f}{unit}", met=value < goal)


def told(name: str, value: float, digits: int = 3, unit: str = "") -> Figure:
    """A figure without a goal, that explains another one."""
    return Figure(name, f"{value:,.{digits}f}{unit}")


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of the others do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(percent / 100 * len(ordered)))]


def median_ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """The median of the ratios of pairs that were measured one right after the other.

    Each measurement in `over` stands between two of the other kind, so that a machine that slowly gets
    busier favours neither.

    Args:
        over: n values.
        under: n + 1 values.
    """
    between = [(before + after) / 2 for before, after in pairwise(under)]
    return median(value / other for value, other in zip(over, between, strict=True))


def table(figures: Iterable[Figure]) -> str:
    """The figures as aligned text."""
    verdicts = {True: "met", False: "MISSED", None: ""}
    rows = [("", "measured", "goal", "")]
    rows += [(figure.name, figure.value, figure.goal, verdicts[figure.met]) for figure in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        f"{name:<{widths[0]}}  {value:>{widths[1]}}  {goal:>{widths[2]}}  {verdict}".rstrip()
        for name, value, goal, verdict in rows
    )


def _digits(goal: float) -> int:
    text = f"{goal:g}"
    return len(text.partition(".")[2])
