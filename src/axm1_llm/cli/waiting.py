"""What a person sees until the first token comes: a model may load for half a minute."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from axm1_llm.cli.reports import ask_report
from axm1_llm.cli.terminal import unechoed, uninterrupted
from axm1_llm.errors import Axm1Error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from axm1_llm.cli.client import Client
    from axm1_llm.cli.reports import Report

# A model that is ready answers before; then nothing flashes up, and rich is not even imported.
_PATIENCE_SECONDS = 0.4
_LOOK_SECONDS = 0.3


@contextmanager
def waiting(
    client: Client, model: str, *, patience: float = _PATIENCE_SECONDS
) -> Iterator[Callable[[], None]]:
    """Show on standard error what the model is busy with, until the yielded function is called.

    Args:
        client: is asked while the caller waits for its own answer.
        model: its name.
        patience: seconds for which nothing is shown.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda: None
        return
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(client, model, over, patience), daemon=True)

    def end() -> None:
        if not over.is_set():
            over.set()
            watcher.join()  # its line is gone before the first word is written

    with uninterrupted():
        watcher.start()
    try:
        with unechoed():
            yield end
    finally:
        end()


def _watch(client: Client, model: str, over: threading.Event, patience: float) -> None:
    if over.wait(patience):
        return
    from rich.console import Console  # noqa: PLC0415 - rich is for those who wait
    from rich.live import Live  # noqa: PLC0415

    from axm1_llm.cli.wait_line import Wait  # noqa: PLC0415

    wait = Wait(model)
    with Live(wait, console=Console(stderr=True, highlight=False, markup=False), transient=True):
        while not over.is_set():
            wait.report = _look(client, model)
            over.wait(_LOOK_SECONDS)


def _look(client: Client, model: str) -> Report | None:
    try:
        return ask_report(client, model)
    except Axm1Error:
        return None  # the request itself will say what is wrong
