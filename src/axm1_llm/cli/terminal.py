"""What may be written to a terminal, and what to a pipe."""

from __future__ import annotations

import os
import re
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, RenderableType

# The sequences that runtimes colour their lines with, and whatever else could steer a terminal.
_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Wider than any table: what a program reads is not wrapped.
_PIPE_WIDTH = 10_000
_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"


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


def can_draw() -> bool:
    """Whether standard output is a terminal that can go back and draw over what is there."""
    return is_terminal() and os.environ.get("TERM", "") not in {"", "dumb", "unknown"}


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Threads that are started within never take a Ctrl-C; one that comes meanwhile is raised after it.

    It is for the main thread, which waits in a system call: taken by another one it would not end that call,
    and nothing would happen (seen in every other try).
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def unechoed() -> Iterator[None]:
    """Keys that are pressed meanwhile are not shown: they would stand in the middle of what is drawn.

    They are there for whoever reads next.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        yield
        return
    import termios  # noqa: PLC0415 - for terminals only

    before = termios.tcgetattr(sys.stdin)
    without = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
    termios.tcsetattr(sys.stdin, termios.TCSANOW, without)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSANOW, before)


def tell(text: str) -> None:
    """A remark on standard error, dim where a person looks."""
    looks = sys.stderr is not None and sys.stderr.isatty()
    click.echo(f"{_DIM}{text}{_PLAIN}" if looks else text, err=True)


class Writer(Protocol):
    """Where an answer goes, piece by piece."""

    def think(self, text: str) -> None:
        """Write a piece of the thinking."""

    def write(self, text: str) -> None:
        """Write a piece of the answer."""

    def end(self) -> None:
        """Nothing more comes."""


class AnswerWriter:
    """Writes an answer as it comes: byte for byte into a pipe, harmless on a terminal.

    Thinking is for persons: it stands dim before the answer, and does not go into a pipe.
    """

    def __init__(self) -> None:
        self._thinking = False
        self._stream = sys.stdout.buffer
        self._terminal = is_terminal()
        self._encoding = sys.stdout.encoding if self._terminal else "utf-8"
        self._last = ""

    def think(self, text: str) -> None:
        """Write a piece of the thinking, at once."""
        if self._terminal and text:
            self._thinking = True
            self._put(f"{_DIM}{harmless(text)}{_PLAIN}")
            self._last = text[-1]

    def write(self, text: str) -> None:
        """Write a piece of the answer, at once."""
        if self._thinking and text:
            self._put("\n" if self._last == "\n" else "\n\n")
            self._thinking = False
        shown = harmless(text) if self._terminal else text
        if shown:
            self._last = shown[-1]
            self._put(shown)

    def end(self) -> None:
        """End the last line, if it is not ended."""
        if self._last not in {"", "\n"}:
            self._put("\n")
            self._last = "\n"

    def _put(self, text: str) -> None:
        self._stream.write(text.encode(self._encoding, "replace"))
        self._stream.flush()
