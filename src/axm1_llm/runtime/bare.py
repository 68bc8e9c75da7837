"""An answer without frames: bare text, ended by the runtime's end line.

Without frames the end can only be told by the exact bytes of the end line, its log header included: an
answer may hold ``hit eos,avg 3 token/s`` or ``>> ``, and a reader that looked for such words was fooled
(seen). An answer that holds a whole end line, header and all, cannot be told apart.
"""

from __future__ import annotations

import codecs
import re
from enum import Enum, auto

from axm1_llm.runtime.events import Event, Mark, PromptMark, Text
from axm1_llm.runtime.lines import parse_line
from axm1_llm.runtime.marks import mark_at_start, may_become_mark

_OPENINGS = (b"\n\n\x1b[1;30;35m[N][", b"\n\n[N][")
_END = re.compile(rb"\n\n((?:\x1b\[1;30;35m)?\[N\]\[ *\w+\]\[ *\d+\]: hit eos,avg [0-9.]+ token/s)\n")
_END_BYTES = 160  # longer than any end line: what has not ended by then is text
_LOG_COLOUR = b"\x1b[1;30;3"
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
        self._line_end = ""  # a line end that belongs to the text only if more text follows

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
        return self._emit(len(self._held), final=True)

    def _before(self) -> list[Event]:
        events: list[Event] = []
        while self._held:
            if self._held.startswith(_IMAGE_MARK):
                del self._held[: len(_IMAGE_MARK)]
                events.append(PromptMark(Mark.IMAGE))
            elif self._held.startswith(_LOG_COLOUR) and b"\n" in self._held:
                # Newer builds log the prompt's size and the time to first token.
                events += parse_line(self._take(self._held.index(b"\n") + 1))
            elif self._held.startswith(_RESET_LINE):
                del self._held[: len(_RESET_LINE)]
            elif any(_undecided(self._held, word) for word in (_LOG_COLOUR, _IMAGE_MARK, _RESET_LINE)):
                break
            else:
                self._phase = _Phase.TEXT
                break
        return events

    def _text(self) -> list[Event]:
        if found := _END.search(self._held):
            empty = found.start() == 0 and self._line_start
            events = self._emit(found.start(), final=True) + parse_line(found[1])
            self._take(found.end() - found.start())
            self._phase = _Phase.LATE if empty else _Phase.DONE
            self._line_start = True
            return events
        return self._emit(_certain(self._held))

    def _late(self) -> list[Event]:
        events: list[Event] = []
        while self._held:
            if self._line_start and (mark := mark_at_start(self._held)):
                self._take(len(mark[0]))
                self._phase = _Phase.DONE
                return [*events, PromptMark(mark[1])]
            if self._line_start and (may_become_mark(self._held) or self._held.startswith(b"\x1b")):
                end = self._held.find(b"\n") + 1
                if not end:
                    return events
                if self._held.startswith(b"\x1b"):
                    events += parse_line(self._take(end))
                    continue
            events += self._late_text()
        return events

    def _late_text(self) -> list[Event]:
        end = self._held.find(b"\n")
        line_end, self._line_end = self._line_end, ""
        body = self._take(end if end >= 0 else len(self._held))
        text = line_end + self._decoder.decode(body)
        self._line_start = end >= 0
        if end >= 0:
            self._take(1)
            self._line_end = "\n"
        return [Text(text)] if text else []

    def _emit(self, count: int, *, final: bool = False) -> list[Event]:
        text = self._decoder.decode(self._take(count), final)
        if text:
            self._line_start = False
        return [Text(text)] if text else []

    def _take(self, count: int) -> bytes:
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken


def _undecided(held: bytearray, word: bytes) -> bool:
    # A colour without its line end is undecided too, as long as it can be a log line.
    return word.startswith(held) or (word == _LOG_COLOUR and held.startswith(word) and len(held) < _END_BYTES)


def _certain(held: bytearray) -> int:
    """How many of the held bytes cannot be a part of the end line any more."""
    start = held.find(b"\n")
    while start >= 0:
        tail = bytes(held[start : start + _END_BYTES])
        if any(_may_be_end(tail, opening) for opening in _OPENINGS):
            return start
        start = held.find(b"\n", start + 1)
    return len(held)


def _may_be_end(tail: bytes, opening: bytes) -> bool:
    if len(tail) <= len(opening):
        return opening.startswith(tail)
    return tail.startswith(opening) and len(tail) < _END_BYTES and b"\n" not in tail[len(opening) :]
