"""One line for somebody who waits for a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from axm1_llm.cli.terminal import harmless

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from axm1_llm.cli.reports import Report

_BAR_WIDTH = 40


class Wait:
    """What the model does, with a bar while it loads.

    Attributes:
        report: the last look at the model; None before the first one.
    """

    def __init__(self, model: str) -> None:
        self.report: Report | None = None
        self._name = harmless(model)
        self._spinner = Spinner("dots")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        report, width = self.report, options.max_width
        line = Table.grid(padding=(0, 1), expand=True)
        line.add_column(width=1)
        percent = report.loading.percent if report is not None and report.loading is not None else None
        if percent is None:
            line.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
            line.add_row(self._spinner, self._words(report))
        else:
            line.add_column(width=min(_BAR_WIDTH, width // 3))
            line.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
            line.add_row(self._spinner, ProgressBar(100, percent), self._words(report))
        yield line

    def _words(self, report: Report | None) -> Text:
        if report is None:
            return Text(f"{self._name}: waiting")
        if report.loading is not None:
            return Text(f"{self._name}: {harmless(str(report.loading))}")
        ahead = f"{report.waiting} waiting" if report.waiting else ""
        said = ", ".join(part for part in (report.state, report.activity, ahead) if part)
        return Text(f"{self._name}: {harmless(said)}")
