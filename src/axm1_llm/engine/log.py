"""What the runtimes of one model printed last, for those who look and for those who follow."""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import islice

_KEPT = 500  # lines: several loads, and at most 1 MB a model


class RuntimeLog:
    """The last lines of a model's runtimes, over their lives. Log lines only: no prompt, no answer.

    Lines are numbered from 0 on. Who follows keeps the number of the next one for himself, so that a slow
    reader takes no memory: he misses those that are no longer kept.
    """

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_KEPT)
        self._news = asyncio.Event()
        self._end = 0

    @property
    def end(self) -> int:
        """The number of the next line that comes."""
        return self._end

    def add(self, line: str) -> None:
        """Keep a line, and tell who follows."""
        self._lines.append(line)
        self._end += 1
        self._news.set()

    def last(self, count: int) -> tuple[str, ...]:
        """At most `count` lines of those that are kept, oldest first."""
        return tuple(islice(self._lines, max(0, len(self._lines) - count), None))

    async def since(self, number: int) -> tuple[str, ...]:
        """The kept lines from line `number` on, oldest first; waits until there is one."""
        while self._end <= number:
            # Whoever waits is woken by `set` at once, also when another clears it before he runs.
            self._news.clear()
            await self._news.wait()
        return self.last(self._end - number)
