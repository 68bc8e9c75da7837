"""What a person types: one line, or several between three quotes; with editing, and a history that stays.

By readline of the standard library, which takes 0.7 MiB and 1 ms. prompt_toolkit would take 10 MB of disk,
19 MiB and 0.17 s (measured on x86-64).
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_FIRST, _MORE = ">>> ", "... "
FENCE = '"""'
_KEPT = 1000  # lines of the history


def read_entry(read_line: Callable[[str], str]) -> str:
    '''One line, or all lines between """ and """.

    Args:
        read_line: gives a line without its end; its argument is what to prompt with.

    Raises:
        EOFError: from `read_line`, also in the middle of an entry.
    '''
    line = read_line(_FIRST)
    if not line.startswith(FENCE):
        return line
    line = line.removeprefix(FENCE)
    lines = []
    while not line.endswith(FENCE):
        lines.append(line)
        line = read_line(_MORE)
    return "\n".join((*lines, line.removesuffix(FENCE)))


class LineReader:
    """Reads lines with readline.

    Args:
        words: what the tabulator completes at the start of a line.
        history: where earlier lines are; None: nowhere.
    """

    def __init__(self, words: Sequence[str], history: Path | None) -> None:
        import readline  # noqa: PLC0415 - its import alone changes what `input` does: for a chat only

        self._readline = readline
        self._words = words
        self._history = history
        self._saved = 0
        readline.set_completer_delims("\n")  # the line is one word: "/set tem" is completed as it stands
        readline.set_completer(self._complete)
        readline.parse_and_bind("tab: complete")
        if history is not None:
            self._open(history)

    def __call__(self, prompt: str) -> str:
        """A line without its end.

        Raises:
            EOFError: Ctrl-D.
            KeyboardInterrupt: Ctrl-C.
        """
        if sys.stdout.isatty():
            line = input(prompt)
        else:
            # `input` would write its prompt into the file or pipe that wants the answers.
            click.echo(prompt, err=True, nl=False)
            line = input()
        self._keep()
        return line

    def _complete(self, text: str, number: int) -> str | None:
        found = [word for word in self._words if word.startswith(text)] if text.startswith("/") else []
        return found[number] if number < len(found) else None

    def _open(self, path: Path) -> None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Made before readline writes to it, which would let the umask decide who may read it.
            os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            path.chmod(0o600)
            self._readline.set_history_length(_KEPT)
            self._readline.read_history_file(path)
            self._readline.write_history_file(path)  # cut to what is kept
        except OSError:
            self._history = None  # a chat works without
        self._saved = self._readline.get_current_history_length()

    def _keep(self) -> None:
        # At once: a terminal that is closed leaves no time for it.
        now = self._readline.get_current_history_length()
        if self._history is not None and now > self._saved:
            with suppress(OSError):
                self._readline.append_history_file(now - self._saved, self._history)
        self._saved = now


def history_file() -> Path:
    """Where the lines of this user's chats are kept, by the XDG base directories."""
    state = os.environ.get("XDG_STATE_HOME", "")
    folder = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    return folder / "axm1" / "chat-history"
