"""`axm1 status --watch` for a person: one picture that is drawn over, until q or Ctrl-C."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.live import Live

from axm1_llm.cli.drawing import draw_report
from axm1_llm.cli.gauges import Gauges, ask_gauges
from axm1_llm.cli.overview import draw_overview
from axm1_llm.cli.reports import parse_reports, report_path
from axm1_llm.cli.terminal import console, harmless
from axm1_llm.errors import Axm1Error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import RenderableType

    from axm1_llm.cli.client import Client

_LEAVE = frozenset({b"q", b"Q", b""})  # what is empty is a terminal that is gone


class Watch:
    """Looks again and again. A service that leaves may come back: it is waited for.

    Args:
        client: of the service.
        model: the only one to look at; None for all.
        pause: seconds between two looks.
        gauges_pause: the same for the metrics, for which the service may have to ask the card.
    """

    def __init__(self, client: Client, model: str | None, *, pause: float, gauges_pause: float) -> None:
        self._client = client
        self._model = model
        self._pause = pause
        self._gauges_pause = gauges_pause
        self._gauges = Gauges()
        self._gauges_at = float("-inf")
        self._console = console()

    def run(self) -> None:
        """Draw until the person leaves.

        Raises:
            Axm1Error: already the first look failed.
        """
        look = self._look()
        shown = self._console.render_lines(look)
        with _keys() as pressed, Live(look, console=self._console, auto_refresh=False) as live:
            while not pressed(self._pause):
                try:
                    look = self._look()
                except Axm1Error as error:
                    look = f"{harmless(str(error))}\nasking again every {self._pause} s; q or Ctrl-C ends it"
                lines = self._console.render_lines(look)
                if lines != shown:  # what is drawn for nothing flickers
                    shown = lines
                    live.update(look, refresh=True)

    def _look(self) -> RenderableType:
        reports = parse_reports(self._client, self._client.get(report_path(self._model)))
        if self._model is not None:
            return draw_report(reports[0])
        return draw_overview(reports, self._fresh_gauges(), self._console.width)

    def _fresh_gauges(self) -> Gauges:
        now = time.monotonic()
        if now - self._gauges_at >= self._gauges_pause:
            self._gauges_at = now
            try:
                self._gauges = ask_gauges(self._client)
            except Axm1Error:
                self._gauges = Gauges()  # metrics may be closed to this key: the rest is shown all the same
        return self._gauges


@contextmanager
def _keys() -> Iterator[Callable[[float], bool]]:
    """A function that waits so many seconds, and says whether the person wants to leave."""
    if sys.stdin is None or not sys.stdin.isatty():
        yield _sleep
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)  # a key counts without the enter key, and is not shown; Ctrl-C stays what it is
    try:
        yield _pressed
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _pressed(seconds: float) -> bool:
    until = time.monotonic() + seconds
    while select.select([sys.stdin], [], [], max(0.0, until - time.monotonic()))[0]:
        # Not `sys.stdin.read`, whose buffer `select` cannot see.
        if os.read(sys.stdin.fileno(), 1) in _LEAVE:
            return True
    return False


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False
