"""What may be written to a terminal, and what to a pipe."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

# The sequences that runtimes colour their lines with, and whatever else could steer a terminal.
_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Wider than any table: what a program reads is not wrapped.
_PIPE_WIDTH = 10_000


def harmless(text: str) -> str:
    """The text without control characters; newlines and tabs stay."""
    return _CONTROL.sub("", _SEQUENCE.sub("", text))


def is_terminal() -> bool:
    """Whether a person looks at standard output."""
    return sys.stdout is not None and sys.stdout.isatty()


def console() -> Console:
    """Standard output for drawings: without colours and escape codes when it is no terminal."""
    from rich.console import Console  # noqa: PLC0415 - rich is for commands that draw

    if is_terminal():
        return Console(highlight=False, emoji=False, markup=False)
    # FORCE_COLOR and the like change nothing here: what reads a pipe wants plain text.
    return Console(
        highlight=False,
        emoji=False,
        markup=False,
        force_terminal=False,
        color_system=None,
        width=_PIPE_WIDTH,
    )


def show(drawing: RenderableType) -> None:
    """Print a drawing."""
    screen = console()
    if screen.is_terminal:
        screen.print(drawing)
        return
    with screen.capture() as text:
        screen.print(drawing)
    click.echo("\n".join(line.rstrip() for line in text.get().splitlines()))


class AnswerWriter:
    """Writes an answer as it comes: byte for byte into a pipe, harmless on a terminal."""

    def __init__(self) -> None:
        self._stream = sys.stdout.buffer
        self._terminal = is_terminal()
        self._encoding = sys.stdout.encoding if self._terminal else "utf-8"
        self._last = ""

    def write(self, text: str) -> None:
        """Write a piece, at once."""
        shown = harmless(text) if self._terminal else text
        if shown:
            self._last = shown[-1]
            self._stream.write(shown.encode(self._encoding, "replace"))
            self._stream.flush()

    def end(self) -> None:
        """End the last line, if it is not ended."""
        if self._last not in {"", "\n"}:
            self.write("\n")
