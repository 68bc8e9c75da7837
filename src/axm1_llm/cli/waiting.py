"""What a person sees until the first token comes: a model may load for half a minute."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from axm1_llm.cli.reports import ask_report
from axm1_llm.cli.terminal import harmless
from axm1_llm.errors import Axm1Error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from axm1_llm.cli.client import Client

# A model that is ready answers before; then nothing flashes up, and rich is not even imported.
_PATIENCE_SECONDS = 0.4
_LOOK_SECONDS = 0.5


@contextmanager
def waiting(client: Client, model: str) -> Iterator[Callable[[], None]]:
    """Show on standard error what the model is busy with, until the yielded function is called."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda: None
        return
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(client, model, over), daemon=True)

    def end() -> None:
        if not over.is_set():
            over.set()
            watcher.join()  # its line is gone before the first word is written

    watcher.start()
    try:
        yield end
    finally:
        end()


def _watch(client: Client, model: str, over: threading.Event) -> None:
    if over.wait(_PATIENCE_SECONDS):
        return
    from rich.console import Console  # noqa: PLC0415 - rich is for those who wait

    name = harmless(model)
    with Console(stderr=True, highlight=False, markup=False).status(f"waiting for {name}") as line:
        while not over.is_set():
            line.update(f"{name}: {_busy_with(client, model)}")
            over.wait(_LOOK_SECONDS)


def _busy_with(client: Client, model: str) -> str:
    try:
        report = ask_report(client, model)
    except Axm1Error:
        return "waiting"  # the request itself will say what is wrong
    return harmless(", ".join(part for part in (report.state, report.activity) if part))
