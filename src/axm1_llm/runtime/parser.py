"""The runtime's stdout → events, incrementally, whatever the chunks are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from axm1_llm.runtime.bare import BareAnswer
from axm1_llm.runtime.events import Event, PromptMark
from axm1_llm.runtime.frames import ETX, STX, parse_frame
from axm1_llm.runtime.lines import parse_line
from axm1_llm.runtime.marks import mark_at_start

if TYPE_CHECKING:
    from collections.abc import Iterator

_BORDER = re.compile(rb"[\n\r\x02]")
_FRAME_BORDER = re.compile(rb"[\x02\x03]")
_BAR_START = re.compile(rb" {0,4}\d{1,4}% \|")
_COLOUR = re.compile(rb"\x1b\[[0-9;]{0,16}m")
_COLOUR_END = b"\x1b[0m"

# A log line over this is cut, a frame over this is none: the memory held is bounded whatever is printed.
MAX_LINE = 16 * 1024
MAX_FRAME = 64 * 1024


class OutputParser:
    """Feed it chunks, get events.

    Outside of a bare answer, frames are tokens and all else is log lines, bars and marks.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0  # no border of a line or frame lies before it
        self._line_start = True
        self._cutting = False  # inside a line that was too long
        self._bare: BareAnswer | None = None

    def begin_bare_answer(self) -> None:
        """Say that a prompt was written whose answer comes without frames."""
        self._bare = BareAnswer()

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes, in order."""
        if self._bare is None:
            self._buffer += data
            return list(self._events())
        # What stood behind the mark when the prompt was written belongs to the answer's head.
        events = self._bare.feed(bytes(self._buffer) + data)
        self._buffer.clear()
        self._searched = 0
        if (rest := self._bare.rest) is not None:
            self._bare = None
            self._line_start = True
            self._cutting = False
            events += self.feed(rest)
        return events

    def finish(self) -> list[Event]:
        """The events of what is left when the output has ended."""
        if self._bare is not None:
            return self._bare.finish()
        rest = self._take(len(self._buffer))
        # An open frame is a piece of an answer, and no answer may come out as a log line.
        return [] if self._cutting or rest.startswith(bytes((STX,))) else parse_line(rest)

    def _events(self) -> Iterator[Event]:
        while self._buffer:
            if self._buffer[0] == STX:
                end = self._frame_end()
                if end < 0:
                    return
                # A frame stands in the middle of a line: no mark can follow it directly.
                self._line_start = False
                if end:
                    yield parse_frame(self._take(end)[1:-1])
                else:
                    self._take(1)  # a stray STX in a log
            elif self._line_start and (mark := mark_at_start(self._buffer)):
                self._take(len(mark[0]))
                yield PromptMark(mark[1])
            elif self._line_start and (colour := _COLOUR.match(self._buffer)):
                self._take(colour.end())  # a mark may stand behind the code that ends a table's colour
            else:
                end = self._segment_end()
                if end < 0:
                    return
                yield from self._segment(end)

    def _frame_end(self) -> int:
        """Where the first frame ends; 0 when it is none, -1 when it has not ended."""
        # STX is escaped inside a frame, so a second one says that the first opened none.
        found = _FRAME_BORDER.search(self._buffer, max(1, self._searched), MAX_FRAME)
        if found is not None:
            return found.end() if self._buffer[found.start()] == ETX else 0
        self._searched = len(self._buffer)
        return 0 if len(self._buffer) >= MAX_FRAME else -1

    def _segment_end(self) -> int:
        """Where the first line, bar, or text before a frame ends; -1 when it has not ended."""
        found = _BORDER.search(self._buffer, self._searched)
        end = -1 if found is None else found.start() + (self._buffer[found.start()] != STX)
        if _BAR_START.match(self._buffer):
            # A bar has no line end: it is complete at the code that resets its colour.
            reset = self._buffer.find(_COLOUR_END, 0, end if end >= 0 else len(self._buffer))
            if reset >= 0:
                return reset + len(_COLOUR_END)
        if end < 0:
            self._searched = len(self._buffer)
            return len(self._buffer) if len(self._buffer) > MAX_LINE else -1
        return end

    def _segment(self, end: int) -> Iterator[Event]:
        segment = self._take(end)
        ended = segment.endswith((b"\n", b"\r"))
        if not self._cutting:
            yield from parse_line(segment[:MAX_LINE])
        self._cutting = not ended and (self._cutting or len(segment) > MAX_LINE)
        self._line_start = ended

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        self._searched = 0
        return taken
