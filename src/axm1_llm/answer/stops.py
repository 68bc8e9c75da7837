"""Stop sequences, found as the text streams."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class StopFilter:
    """Passes text on until one of `stops` has come, and holds back what may become one.

    Attributes:
        stops: the sequences, none of them empty.
        hit: the one that has come; nothing passes after it.
    """

    stops: tuple[str, ...]
    hit: str | None = None
    _held: str = ""

    def feed(self, text: str) -> str:
        """The text that is certain to stand before any stop sequence."""
        if self.hit or not self.stops:
            return "" if self.hit else text
        self._held += text
        found = [(at + len(stop), at, stop) for stop in self.stops if (at := self._held.find(stop)) >= 0]
        if found:
            # The one that is complete first, wherever it began: so the answer is the same in any chunks.
            _, at, self.hit = min(found)
            certain, self._held = self._held[:at], ""
            return certain
        keep = max(_overlap(self._held, stop) for stop in self.stops)
        certain = self._held[: len(self._held) - keep]
        self._held = self._held[len(self._held) - keep :]
        return certain

    def flush(self) -> str:
        """What was held back, once the answer is over."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """The length of the longest end of `text` that begins `stop`."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
