"""How far a download is: a bar for a person, a line now and then for a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import click
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from axm1_llm.cli.terminal import console, harmless

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axm1_llm.hub.pulling import Line

_STEP = 10  # percent between two lines


class PullDisplay:
    """Shows what is said of a download; use it in a `with`.

    Attributes:
        others: variants of the model that were not chosen.
    """

    def __init__(self) -> None:
        self.others: Sequence[str] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Stop drawing."""

    def tell(self, line: Line) -> None:
        """Show one more thing."""
        if "digest" in line:
            self._came(harmless(line["file"]), line["all_completed"], line["all_total"])
            return
        self.others = line.get("others", ())
        self._say(line["status"])

    def _came(self, file: str, completed: int, total: int) -> None:
        raise NotImplementedError

    def _say(self, status: str) -> None:
        raise NotImplementedError


class PullLines(PullDisplay):
    """A line for each tenth, so that a log stays short."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0

    def _came(self, file: str, completed: int, total: int) -> None:
        percent = 100 * completed // max(total, 1)
        if percent >= self._next:
            self._next = percent - percent % _STEP + _STEP
            click.echo(f"{percent:3} %  {decimal(completed)} of {decimal(total)}  {file}")

    def _say(self, status: str) -> None:
        click.echo(status)


class PullBar(PullDisplay):
    """One bar for the whole model."""

    def __init__(self) -> None:
        super().__init__()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console(),
        )
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def _came(self, file: str, completed: int, total: int) -> None:
        shown = file.rpartition("/")[2][-30:]
        self._bar.update(self._task, description=shown, completed=completed, total=total)

    def _say(self, status: str) -> None:
        self._bar.update(self._task, description=status)
