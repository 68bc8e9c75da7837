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
_BAR_START = re.compile(rb"\s*\d+% \|")
_COLOUR_END = b"\x1b[0m"

# A log line or a frame that grows over this is cut: the memory held is bounded whatever is printed.
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
            events += self.feed(rest)
        return events

    def finish(self) -> list[Event]:
        """The events of what is left when the output has ended."""
        if self._bare is not None:
            return self._bare.finish()
        return parse_line(self._take(len(self._buffer)))

    def _events(self) -> Iterator[Event]:
        while self._buffer:
            if self._buffer[0] == STX:
                end = self._buffer.find(ETX)
                if end < 0:
                    if len(self._buffer) <= MAX_FRAME:
                        return
                    self._take(1)  # no frame is that long: a stray STX in a log
                    continue
                # A frame stands in the middle of a line: no mark can follow it directly.
                self._line_start = False
                yield parse_frame(self._take(end + 1)[1:-1])
            elif self._line_start and not self._cutting and (mark := mark_at_start(self._buffer)):
                self._take(len(mark[0]))
                yield PromptMark(mark[1])
            else:
                end = self._segment_end()
                if end < 0:
                    return
                yield from self._segment(end)

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
