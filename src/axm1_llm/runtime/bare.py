"""An answer without frames: bare text, ended by the runtime's end line.

Without frames the end can only be told by the exact bytes of the end line, its log header included: an
answer may hold ``hit eos,avg 3 token/s`` or ``>> ``, and a reader that looked for such words was fooled
(seen). What cannot be told apart: an answer that holds a whole end line, header and all; one that begins
with a log line's whole header or ``image >> ``; with ``--live_print 0`` also a mark at the start of a line.
"""

from __future__ import annotations

import codecs
import re
from enum import Enum, auto

from axm1_llm.runtime.events import Event, Mark, PromptMark, Text
from axm1_llm.runtime.lines import parse_line
from axm1_llm.runtime.marks import mark_at_start, may_become_mark

_OPENINGS = (b"\n\n\x1b[1;30;35m[N][", b"\n\n[N][")
_END = re.compile(
    rb"\n\n((?:\x1b\[1;30;35m)?\[N\]\[ {0,32}\w{1,64}\]\[ {0,8}\d{1,8}\]: hit eos,avg [-+.\w]{1,24} token/s)"
    rb"(?:\x1b\[0m)? {0,2}\n"
)
_END_BYTES = 200  # longer than any end line: what has not ended by then is text
_LOG_HEADER = re.compile(rb"\x1b\[1;30;3\d{1,2}m\[[IWEND]\]\[[^\]\n]{0,64}\]\[ {0,8}\d{1,8}\]: ")
_LOG_COLOUR = b"\x1b[1;30;3"
_HEADER_BYTES = 100  # longer than any header: what has none by then is text
_LOG_BYTES = 1024  # what is kept of a log line
_IMAGE_MARK = b"image >> "
_RESET_LINE = b"\x1b[0m\n"


class _Phase(Enum):
    BEFORE = auto()  # log lines, the question for an image
    TEXT = auto()
    LATE = auto()  # --live_print 0 prints the whole text after the end line
    DONE = auto()


class BareAnswer:
    """Reads one answer. Feed it until `rest` is not None."""

    def __init__(self) -> None:
        self._phase = _Phase.BEFORE
        self._held = bytearray()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._line_start = True
        self._line_end = b""  # a line end that belongs to the text only if more text follows

    @property
    def rest(self) -> bytes | None:
        """The bytes behind the answer, once it is over."""
        return bytes(self._held) if self._phase is _Phase.DONE else None

    def feed(self, data: bytes) -> list[Event]:
        """The events that `data` completes."""
        self._held += data
        events: list[Event] = []
        if self._phase is _Phase.BEFORE:
            events += self._before()
        if self._phase is _Phase.TEXT:
            events += self._text()
        if self._phase is _Phase.LATE:
            events += self._late()
        return events

    def finish(self) -> list[Event]:
        """What was held back, when the output ends without an end line."""
        log_may_come = self._phase is _Phase.BEFORE or (self._phase is _Phase.LATE and self._line_start)
        if log_may_come and _LOG_HEADER.match(self._held):
            return parse_line(self._take(len(self._held)))
        return self._emit(len(self._held), final=True)

    def _before(self) -> list[Event]:
        events: list[Event] = []
        while self._held:
            if self._held.startswith(_IMAGE_MARK):
                self._take(len(_IMAGE_MARK))
                events.append(PromptMark(Mark.IMAGE))
            elif (log := self._log()) is not None:
                # Newer builds log the prompt's size and the time to first token.
                events += log
            elif _IMAGE_MARK.startswith(self._held) or _may_be_log(self._held):
                break
            else:
                self._phase = _Phase.TEXT
                break
        return events

    def _text(self) -> list[Event]:
        if found := _END.search(self._held):
            empty = found.start() == 0 and self._line_start
            start, end = found.span()
            line = found[1]  # now: a match reads the buffer again each time it is asked, and that shrinks
            events = self._emit(start, final=True) + parse_line(line)
            self._take(end - start)
            self._phase = _Phase.LATE if empty else _Phase.DONE
            self._line_start = True
            return events
        return self._emit(_certain(self._held))

    def _late(self) -> list[Event]:
        events: list[Event] = []
        while self._held:
            if self._line_start:
                if mark := mark_at_start(self._held):
                    self._take(len(mark[0]))
                    self._phase = _Phase.DONE
                    return [*events, *self._emit(0, final=True), PromptMark(mark[1])]
                if (log := self._log()) is not None:
                    events += log
                    continue
                if may_become_mark(self._held) or _may_be_log(self._held):
                    return events
            events += self._late_text()
        return events

    def _late_text(self) -> list[Event]:
        end = self._held.find(b"\n")
        body = self._line_end + self._take(end if end >= 0 else len(self._held))
        self._line_start = end >= 0
        self._line_end = self._take(1) if end >= 0 else b""
        text = self._decoder.decode(body)
        return [Text(text)] if text else []

    def _log(self) -> list[Event] | None:
        """The events of the log line that comes first; None when something else does."""
        if self._held.startswith(_RESET_LINE):
            self._take(len(_RESET_LINE))
            return []
        if _LOG_HEADER.match(self._held):
            end = self._held.find(b"\n")
            if end >= 0:
                return parse_line(self._take(end + 1)[:_LOG_BYTES])
            # A line without end was answered as text (seen in a soak): it stays a log line, cut.
            del self._held[_LOG_BYTES:]
        return None

    def _emit(self, count: int, *, final: bool = False) -> list[Event]:
        if count:
            self._line_start = False
        text = self._decoder.decode(self._take(count), final)
        return [Text(text)] if text else []

    def _take(self, count: int) -> bytes:
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken


def _may_be_log(held: bytearray) -> bool:
    """Whether more bytes must decide if `held` begins with a log line."""
    if _LOG_COLOUR.startswith(held) or _RESET_LINE.startswith(held):
        return True
    if not held.startswith(_LOG_COLOUR):
        return False
    return _LOG_HEADER.match(held) is not None or (len(held) < _HEADER_BYTES and b"\n" not in held)


def _certain(held: bytearray) -> int:
    """How many of the held bytes cannot be a part of the end line any more."""
    # An end line that is still open cannot have begun further back.
    start = held.find(b"\n", max(0, len(held) - _END_BYTES))
    while start >= 0:
        tail = bytes(held[start:])
        if any(_may_be_end(tail, opening) for opening in _OPENINGS):
            return start
        start = held.find(b"\n", start + 1)
    return len(held)


def _may_be_end(tail: bytes, opening: bytes) -> bool:
    if len(tail) <= len(opening):
        return opening.startswith(tail)
    return tail.startswith(opening) and len(tail) < _END_BYTES and b"\n" not in tail[len(opening) :]
