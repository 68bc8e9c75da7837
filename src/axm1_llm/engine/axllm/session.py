"""One life of an `axllm serve` process: what it prints, and when it is gone.

Facts are from the vendor's source: information goes to stdout, warnings and errors go to stderr, both
as ``HH:MM:SS.mmm TAG function:line | text``; the progress bar is that of the older runtimes. Every
answer is printed on stdout as well, with nothing around it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from axm1_llm.engine.session import RuntimeSession
from axm1_llm.runtime.events import Event, Failure, LogLine
from axm1_llm.runtime.lines import parse_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HEADER = re.compile(r"\d\d:\d\d:\d\d\.\d{3} (EMG|ALT|CRT|ERR|WRN|NTC|INF|DBG) [^|]{1,200}\| ")
_LEVELS = {"EMG": "E", "ALT": "E", "CRT": "E", "ERR": "E", "WRN": "W", "NTC": "N", "INF": "I", "DBG": "D"}
# Somebody took the port between our choice and its use: the next start takes another one.
_PORT_TAKEN = re.compile(r"Port \d{1,5} is unavailable")


class ServerSession(RuntimeSession):
    """A server process as a stream of events: its log lines, its steps of loading, its end."""

    _serves = False

    def serves(self) -> None:
        """Say that it takes prompts: from now on answers stand on stdout, and none may reach a log."""
        self._serves = True
        self.facts.failure = None  # an error line that did not stop it from coming up

    def take_stdout(self, data: bytes) -> None:
        """Read a chunk of stdout, as long as it loads."""
        if not self._serves:
            self._take(self._parser.feed(data))

    def take_stderr(self, data: bytes) -> None:
        """Read a chunk of stderr."""
        lines = data.splitlines()
        self._take(event for line in lines for event in parse_line(line))

    def take_exit(self, _: object) -> None:
        """Notice that the process is gone."""
        self._take(() if self._serves else self._parser.finish())

    def _take(self, events: Iterable[Event]) -> None:
        self._events.extend(told for event in events for told in self._read(event))
        self.news.set()

    def _read(self, event: Event) -> Iterator[Event]:
        header = _HEADER.match(event.text) if isinstance(event, LogLine) else None
        if header is None or not isinstance(event, LogLine):
            yield event
            return
        text, level = event.text[header.end() :], _LEVELS[header[1]]
        yield LogLine(text, level)
        if level == "E" and not self._serves and not _PORT_TAKEN.match(text):
            yield Failure(text)
