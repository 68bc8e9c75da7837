"""One panel, free of where it stands and of the words of Grafana's file format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# How a panel looks. The names are those of Grafana's panel plugins.
Kind = Literal["stat", "timeseries", "state-timeline"]

# Grafana's names of units.
Unit = Literal[
    "none", "short", "s", "percentunit", "bytes", "celsius", "reqps", "dtdurations", "dateTimeFromNow"
]


@dataclass(frozen=True, slots=True)
class Query:
    """A question to Prometheus.

    Attributes:
        expr: PromQL; ``$model``, ``$instance`` and ``$__rate_interval`` are filled in by Grafana.
        legend: the name of each series, with ``{{label}}``.
        only_scraped: its metric is on ``/metrics`` only, not in the files for node_exporter.
    """

    expr: str
    legend: str
    only_scraped: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """From `value` on a figure has this colour; None: from below everything."""

    value: float | None
    color: str


@dataclass(frozen=True, slots=True)
class Look:
    """What makes a panel look other than its kind does by itself.

    Attributes:
        steps: colours by value.
        words: texts and colours in place of values.
        stacked: series on top of each other.
        low: the axis begins here; None: where the data does.
        high: the axis ends here.
        text: shows the series' names in place of their values; for stats.
    """

    steps: tuple[Step, ...] = ()
    words: tuple[tuple[int, str, str], ...] = ()
    stacked: bool = False
    low: float | None = 0
    high: float | None = None
    text: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """A picture of some figures.

    Attributes:
        title: what it shows.
        description: what it means, and what to do when it looks wrong.
        unit: of all its figures.
        queries: what it asks.
        kind: how it looks.
        width: of 24.
        look: see there.
    """

    title: str
    description: str
    unit: Unit
    queries: tuple[Query, ...]
    kind: Kind = "timeseries"
    width: int = 8
    look: Look = Look()


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading, which can be folded."""

    title: str
    panels: tuple[Panel, ...]
