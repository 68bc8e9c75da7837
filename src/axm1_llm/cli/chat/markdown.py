"""Markdown that is drawn while it comes.

What is a whole block is printed for good; the block in hand is drawn again and again below, and of one that
is higher than the screen only its end, since a terminal cannot draw over what has scrolled away.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, ClassVar

from markdown_it import MarkdownIt
from rich.live import Live
from rich.markdown import Heading, Markdown
from rich.segment import Segment
from rich.text import Text

from axm1_llm.cli.terminal import AnswerWriter, console, harmless, uninterrupted

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_REDRAWS = 8  # a second
# Tags stay text: nobody shall miss a part of an answer.
_PARSER = MarkdownIt("commonmark", {"html": False}).enable("strikethrough").enable("table")


class MarkdownWriter:
    """Writes an answer onto a terminal, as the same calls of an `AnswerWriter` do."""

    def __init__(self) -> None:
        self._console = console()
        self._thinking = AnswerWriter()
        self._live: Live | None = None
        self._rest = ""
        self._begun = False

    def think(self, text: str) -> None:
        """Write a piece of the thinking, as it is."""
        self._thinking.think(text)

    def write(self, text: str) -> None:
        """Take a piece of the answer."""
        if self._live is None:
            self._thinking.end()
            self._live = Live(console=self._console, transient=True, refresh_per_second=_REDRAWS)
            with uninterrupted():
                self._live.start()
        self._rest += harmless(text)
        if "\n" in text:
            whole, self._rest = split_blocks(self._rest)
            self._print(whole)
        self._live.update(_Drawn(self._rest, gap=self._begun, only_end=True))

    def end(self) -> None:
        """Print what is left."""
        self._thinking.end()
        if self._live is not None:
            self._live.update(Text(""))
            self._live.stop()
            self._live = None
        self._print(self._rest)
        self._rest = ""

    def _print(self, text: str) -> None:
        if text.strip():
            self._console.print(_Drawn(text, gap=self._begun), end="")
            self._begun = True


def split_blocks(text: str) -> tuple[str, str]:
    """The blocks that no further text can change, and the rest."""
    whole = text[: text.rfind("\n") + 1]
    starts = [token.map[0] for token in _PARSER.parse(whole) if token.level == 0 and token.map]
    if not starts or starts[-1] == 0:
        return "", text
    # Lines end with "\n" only, as the parser has it.
    cut = sum(len(line) + 1 for line in whole.split("\n")[: starts[-1]])
    return text[:cut], text[cut:]


class _Heading(Heading):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.text


class AnswerMarkdown(Markdown):
    """Markdown as models write it: each line stays a line, and links show where they lead."""

    elements: ClassVar[dict[str, Any]] = {**Markdown.elements, "heading_open": _Heading}

    def __init__(self, text: str) -> None:
        super().__init__("", code_theme="ansi_dark", hyperlinks=False)
        self.parsed = _PARSER.parse(text)
        for token in self.parsed:
            for child in token.children or ():
                if child.type == "softbreak":
                    child.type = "hardbreak"


class _Drawn:
    """Some blocks, without the blanks that rich fills lines with: they would be copied with the text.

    Args:
        text: its Markdown.
        gap: an empty line stands before it.
        only_end: no more lines than the screen has room for.
    """

    def __init__(self, text: str, *, gap: bool, only_end: bool = False) -> None:
        self._text = text
        self._gap = gap
        self._only_end = only_end

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self._text.strip():
            return
        lines = console.render_lines(AnswerMarkdown(self._text), options, pad=False)
        if self._gap:
            lines = [[], *lines]
        if self._only_end:
            lines = lines[-max(1, shutil.get_terminal_size().lines - 2) :]
        for line in lines:
            yield from _without_blanks(line)
            yield Segment.line()


def _without_blanks(line: list[Segment]) -> list[Segment]:
    while line and not line[-1].text.strip(" ") and not (line[-1].style and line[-1].style.bgcolor):
        line = line[:-1]
    if line and not (line[-1].style and line[-1].style.bgcolor):
        line = [*line[:-1], Segment(line[-1].text.rstrip(" "), line[-1].style)]
    return line
