"""Tables and pictures of models, for terminals and for pipes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from axm1_llm.cli.terminal import harmless, is_terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from axm1_llm.cli.all_models import Row
    from axm1_llm.cli.reports import Failure, Listed, Loaded, Report, Step
    from axm1_llm.hub.catalogue import Entry

_COLOURS = {
    "ready": "green",
    "failed": "bold red",
    "idle": "dim",
    "processing prompt": "cyan",
    "outputting": "cyan",
}
UNKNOWN = "-"
_SHORT_ID = 12
_MOST_LINES = 12
_FOR_EVER = timedelta(days=36500)  # Ollama writes "never" as a date in some 292 years
_BAR_WIDTH = 40
_KILO = 1000.0
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def draw_list(models: Iterable[Listed], reports: Mapping[str, Report]) -> RenderableType:
    """A row a model: name, state, speed of the answer in hand, size of its folder."""
    table = new_table("NAME", "STATE", "TOKENS/S", "SIZE")
    for listed in models:
        report = reports.get(listed.model)
        rate = report.prompt.tokens_per_second if report and report.prompt else None
        table.add_row(
            harmless(listed.model),
            state_text(report.state) if report else UNKNOWN,
            UNKNOWN if rate is None else f"{rate:.1f}",
            _size(listed.size),
        )
    return table


def draw_loaded(models: Iterable[Loaded], cards: Mapping[str, Sequence[str]]) -> RenderableType:
    """A row a loaded model: name, id, size, card, context, and when it leaves."""
    table = new_table("NAME", "ID", "SIZE", "CARD", "CONTEXT", "UNTIL")
    for model in models:
        table.add_row(
            harmless(model.model),
            harmless(model.digest)[:_SHORT_ID],
            _size(model.size),
            ",".join(cards.get(model.model, ())) or UNKNOWN,
            str(model.context_length or UNKNOWN),
            _until(model.until),
        )
    return table


def draw_model(name: str, shown: Mapping[str, Any]) -> RenderableType:
    """What `/api/show` says of a model, but for its template, which is long."""
    facts = _facts()
    facts.add_row("model", Text(harmless(name), style="bold"))
    for key, value in shown["details"].items():
        if value and isinstance(value, str | int | float):
            facts.add_row(harmless(key).replace("_", " "), harmless(str(value)))
    facts.add_row("abilities", harmless(", ".join(map(str, shown.get("capabilities") or ()))) or UNKNOWN)
    for key, value in (shown.get("model_info") or {}).items():
        if str(key).endswith(".context_length"):
            facts.add_row("context", f"{value} tokens")
    parts: list[RenderableType] = [facts]
    if ignored := ", ".join(map(str, shown.get("ignored_options") or ())):
        facts.add_row("options without effect", harmless(ignored))
    template = str(shown.get("template") or "")
    facts.add_row("template", f"{len(template)} characters; --template prints it" if template else UNKNOWN)
    for title in ("parameters", "system", "license"):
        if text := harmless(str(shown.get(title) or "")).strip():
            parts += [Text(""), Text(title, style="bold"), Padding(Text(_first_lines(text)), (0, 0, 0, 2))]
    return Group(*parts)


def draw_all(rows: Iterable[Row]) -> RenderableType:
    """A row a model: name, state, folder, what is wrong with it."""
    table = new_table("NAME", "STATE", "FOLDER", "PROBLEM")
    for row in rows:
        table.add_row(
            harmless(row.name),
            state_text(row.state),
            harmless(row.folder) or UNKNOWN,
            harmless(row.problem) or UNKNOWN,
        )
    return table


def draw_catalogue(entries: Iterable[Entry]) -> RenderableType:
    """A row a model that has a short name."""
    table = new_table("NAME", "SIZE", "GENERATION", "REPOSITORY")
    for entry in entries:
        repo = f"{entry.repo}:{entry.variant}" if entry.variant else entry.repo
        table.add_row(entry.name, _size(entry.size or 0), str(entry.generation or UNKNOWN), repo)
    return table


def draw_reports(reports: Sequence[Report]) -> RenderableType:
    """A row a model: name, state, since when, what it is busy with, how many wait."""
    table = new_table("MODEL", "STATE", "SINCE", "WAITING", "ACTIVITY")
    for report in reports:
        table.add_row(
            harmless(report.model),
            state_text(report.state),
            _since(report.since),
            str(report.waiting),
            harmless(report.activity) or UNKNOWN,
        )
    return table


def draw_report(report: Report) -> RenderableType:
    """One model, with all that is known of it."""
    facts = _facts()
    facts.add_row("model", Text(harmless(report.model), style="bold"))
    facts.add_row("state", state_text(report.state))
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


def _facts() -> Table:
    facts = Table.grid(padding=(0, 2))
    facts.add_column(no_wrap=True)
    facts.add_column(overflow="fold")
    return facts


def _first_lines(text: str) -> str:
    lines = text.splitlines()
    return "\n".join(lines if len(lines) <= _MOST_LINES else [*lines[:_MOST_LINES], "..."])


def _failure(failure: Failure) -> Table:
    lines = Table.grid(padding=(0, 2))
    lines.add_row(Text(f"failed: {harmless(failure.reason)}", style="red"))
    for line in failure.log:
        lines.add_row(Text(f"  {harmless(line)}", style="dim"))
    return lines


def _steps(steps: Iterable[Step]) -> Table:
    table = new_table("AT", "FROM", "TO", "TRIGGER")
    for step in steps:
        trigger = f"{step.trigger}: {step.reason}" if step.reason else step.trigger
        table.add_row(_clock(step.at), step.source, state_text(step.target), harmless(trigger))
    return table


def new_table(*columns: str) -> Table:
    """A table with these columns; without lines where a program reads it."""
    # Lines of a box are no use to `awk`.
    table = Table(box=SIMPLE_HEAD if is_terminal() else None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column)
    return table


def state_text(state: str) -> Text:
    """A state in its colour."""
    return Text(harmless(state), style=_COLOURS.get(state, "yellow"))


def _since(moment: datetime) -> str:
    # A pipe gets no age: what is compared or kept must not change with each look.
    return (
        f"{_clock(moment)} ({_span(datetime.now(UTC) - moment)})"
        if is_terminal()
        else moment.isoformat(timespec="seconds")
    )


def _until(moment: datetime | None) -> str:
    if moment is None:
        return UNKNOWN
    left = moment - datetime.now(UTC)
    if left > _FOR_EVER:
        return "for ever"
    return f"in {_span(left)}" if is_terminal() else moment.isoformat(timespec="seconds")


def _clock(moment: datetime) -> str:
    today = moment.date() == datetime.now(UTC).astimezone().date()
    return f"{moment:%H:%M:%S}" if today and is_terminal() else moment.isoformat(" ", "seconds")[:19]


def _span(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    return f"{seconds // _HOUR} h" if seconds < _DAY else f"{seconds // _DAY} d"


def _size(size: int) -> str:
    if size <= 0:
        return UNKNOWN
    amount, units = float(size), iter(("B", "kB", "MB", "GB"))
    unit = next(units)
    while amount >= _KILO:
        amount, unit = amount / _KILO, next(units, "TB")
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
