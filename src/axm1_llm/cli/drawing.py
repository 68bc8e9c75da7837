"""Tables and pictures of models, for terminals and for pipes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from axm1_llm.cli.terminal import harmless, is_terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from axm1_llm.cli.reports import Failure, Listed, Report, Step

_COLOURS = {
    "ready": "green",
    "failed": "bold red",
    "idle": "dim",
    "processing prompt": "cyan",
    "outputting": "cyan",
}
_UNKNOWN = "-"
_BAR_WIDTH = 40
_KILO = 1000.0
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def draw_list(models: Iterable[Listed], reports: Mapping[str, Report]) -> RenderableType:
    """A row a model: name, state, speed of the answer in hand, size of its folder."""
    table = _table("NAME", "STATE", "TOKENS/S", "SIZE")
    for listed in models:
        report = reports.get(listed.model)
        rate = report.prompt.tokens_per_second if report and report.prompt else None
        table.add_row(
            harmless(listed.model),
            _state(report.state) if report else _UNKNOWN,
            _UNKNOWN if rate is None else f"{rate:.1f}",
            _size(listed.size),
        )
    return table


def draw_reports(reports: Sequence[Report]) -> RenderableType:
    """A row a model: name, state, since when, what it is busy with, how many wait."""
    table = _table("MODEL", "STATE", "SINCE", "WAITING", "ACTIVITY")
    for report in reports:
        table.add_row(
            harmless(report.model),
            _state(report.state),
            _since(report.since),
            str(report.waiting),
            harmless(report.activity) or _UNKNOWN,
        )
    return table


def draw_report(report: Report) -> RenderableType:
    """One model, with all that is known of it."""
    facts = Table.grid(padding=(0, 2))
    facts.add_row("model", Text(harmless(report.model), style="bold"))
    facts.add_row("state", _state(report.state))
    facts.add_row("since", _since(report.since))
    if report.loading is not None:
        facts.add_row("loading", harmless(str(report.loading)))
        if is_terminal() and report.loading.percent is not None:
            facts.add_row("", ProgressBar(100, report.loading.percent, width=_BAR_WIDTH))
    if report.prompt is not None:
        facts.add_row("prompt", harmless(str(report.prompt)))
    facts.add_row("waiting", str(report.waiting))
    if report.context_length is not None:
        facts.add_row("context", f"{report.context_length} tokens")
    if report.memory_left:
        left = (f"{mebibytes} MiB on card {card}" for card, mebibytes in report.memory_left.items())
        facts.add_row("CMM left", ", ".join(left))
    parts = [facts]
    if report.failure is not None:
        parts.append(_failure(report.failure))
    if report.steps:
        parts.append(_steps(report.steps))
    gap = Text("")
    return Group(*[each for part in parts for each in (part, gap)][:-1])


def _failure(failure: Failure) -> Table:
    lines = Table.grid(padding=(0, 2))
    lines.add_row(Text(f"failed: {harmless(failure.reason)}", style="red"))
    for line in failure.log:
        lines.add_row(Text(f"  {harmless(line)}", style="dim"))
    return lines


def _steps(steps: Iterable[Step]) -> Table:
    table = _table("AT", "FROM", "TO", "TRIGGER")
    for step in steps:
        trigger = f"{step.trigger}: {step.reason}" if step.reason else step.trigger
        table.add_row(_clock(step.at), step.source, _state(step.target), harmless(trigger))
    return table


def _table(*columns: str) -> Table:
    # Lines of a box are no use to `awk`.
    table = Table(box=SIMPLE_HEAD if is_terminal() else None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column)
    return table


def _state(state: str) -> Text:
    return Text(harmless(state), style=_COLOURS.get(state, "yellow"))


def _since(moment: datetime) -> str:
    # A pipe gets no age: what is compared or kept must not change with each look.
    return f"{_clock(moment)} ({_age(moment)})" if is_terminal() else moment.isoformat(timespec="seconds")


def _clock(moment: datetime) -> str:
    today = moment.date() == datetime.now(UTC).astimezone().date()
    return f"{moment:%H:%M:%S}" if today and is_terminal() else moment.isoformat(" ", "seconds")[:19]


def _age(moment: datetime) -> str:
    seconds = max(0, int((datetime.now(UTC) - moment).total_seconds()))
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    return f"{seconds // _HOUR} h" if seconds < _DAY else f"{seconds // _DAY} d"


def _size(size: int) -> str:
    if size <= 0:
        return _UNKNOWN
    amount, units = float(size), iter(("B", "kB", "MB", "GB"))
    unit = next(units)
    while amount >= _KILO:
        amount, unit = amount / _KILO, next(units, "TB")
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
