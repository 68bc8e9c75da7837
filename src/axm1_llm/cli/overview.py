"""The live picture of all models and cards, as wide as the terminal has room for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from axm1_llm.cli.drawing import UNKNOWN, new_table, state_text
from axm1_llm.cli.terminal import harmless

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from axm1_llm.cli.gauges import CardGauges, Gauges
    from axm1_llm.cli.reports import Report

# From this width on there is room for more columns, and at last for bars.
_WIDE, _WIDER, _WIDEST = 60, 76, 86
_BAR_WIDTH = 10
_GIB = 2**30
_HINT = "q or Ctrl-C ends it"


def draw_overview(reports: Sequence[Report], gauges: Gauges, width: int) -> RenderableType:
    """A row a model and a row a card; figures that are not known are a dash."""
    columns = {"MODEL": True, "STATE": True, "PROGRESS": True, "CARD": width >= _WIDER, "QUEUE": True}
    columns |= {"TOKENS/S": width >= _WIDE, "FIRST TOKEN": width >= _WIDER}
    shown = [name for name, has_room in columns.items() if has_room]
    table = new_table() if width >= _WIDE else Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in shown:
        table.add_column(name, overflow="ellipsis", no_wrap=True)
    for report in reports:
        cells = _cells(report, gauges.first_token.get(report.model), width)
        table.add_row(*(cells[name] for name in shown))
    parts: list[RenderableType] = [table]
    parts += [_card(number, card) for number, card in sorted(gauges.cards.items())]
    parts += [
        Text(f"{harmless(report.model)}: {harmless(report.failure.reason)}", style="red")
        for report in reports
        if report.failure is not None
    ]
    return Group(*parts, Text(_HINT, style="dim"))


def _cells(report: Report, first_token: float | None, width: int) -> Mapping[str, RenderableType]:
    rate = report.prompt.tokens_per_second if report.prompt else None
    return {
        "MODEL": Text(harmless(report.model)),
        "STATE": state_text(report.state),
        "PROGRESS": _progress(report, bar=width >= _WIDEST),
        "CARD": ",".join(report.memory_left) or UNKNOWN,
        "QUEUE": str(report.waiting),
        "TOKENS/S": UNKNOWN if rate is None else f"{rate:.1f}",
        "FIRST TOKEN": UNKNOWN if first_token is None else f"{first_token:.2f} s",
    }


def _progress(report: Report, *, bar: bool) -> RenderableType:
    if report.loading is not None and report.loading.percent is not None:
        percent = f"{report.loading.percent:.0f} %"
        if not bar:
            return percent
        line = Table.grid(padding=(0, 1))
        line.add_row(ProgressBar(100, report.loading.percent, width=_BAR_WIDTH), percent)
        return line
    if report.prompt is None:
        return UNKNOWN
    if report.prompt.generated_tokens:
        return f"{report.prompt.generated_tokens} tokens"
    return f"prompt of {report.prompt.prompt_tokens}"


def _card(number: str, card: CardGauges) -> Text:
    facts = []
    if card.celsius is not None:
        facts.append(f"{card.celsius:.0f} °C")
    if card.npu is not None:
        facts.append(f"NPU {card.npu:.0%}")
    if card.cmm_used is not None and card.cmm_total:
        facts.append(f"CMM {card.cmm_used / _GIB:.1f} of {card.cmm_total / _GIB:.1f} GiB")
    return Text(f"card {harmless(number)}: {', '.join(facts) or UNKNOWN}")
