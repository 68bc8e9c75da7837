"""The figures of an answer, as `ollama run --verbose` prints them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SECOND = 1_000_000_000
_LABEL_WIDTH = 22
_SMALL_UNITS = ((1_000_000, "ms"), (1_000, "µs"), (1, "ns"))


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one answer; durations are nanoseconds, 0 where the service says nothing."""

    total_duration: int
    load_duration: int
    prompt_eval_count: int
    prompt_eval_duration: int
    eval_count: int
    eval_duration: int

    @classmethod
    def of(cls, last: Mapping[str, Any]) -> Figures:
        """From the last object of an answer; what is missing or no number counts as 0."""
        found = {name: last.get(name) for name in cls.__slots__}
        return cls(**{name: value if isinstance(value, int) else 0 for name, value in found.items()})

    @property
    def tokens_per_second(self) -> float | None:
        """The speed of the answer; None where it is not known."""
        return self.eval_count * _SECOND / self.eval_duration if self.eval_duration else None

    def lines(self) -> Iterator[str]:
        """A line for each figure that is known; scripts read these words."""
        for name, duration, count in (
            ("total", self.total_duration, None),
            ("load", self.load_duration, None),
            ("prompt eval", self.prompt_eval_duration, self.prompt_eval_count),
            ("eval", self.eval_duration, self.eval_count),
        ):
            if count:
                yield _line(f"{name} count", f"{count} token(s)")
            if duration:
                yield _line(f"{name} duration", format_duration(duration))
            if duration and count is not None:
                yield _line(f"{name} rate", f"{count * _SECOND / duration:.2f} tokens/s")


def format_duration(nanoseconds: int) -> str:
    """A duration in Go's notation: "1h2m3.5s", "1.25s", "350ms", "12.5µs", "0s"."""
    if nanoseconds < _SECOND:
        for size, unit in _SMALL_UNITS:
            if nanoseconds >= size:
                return f"{_decimal(nanoseconds, size)}{unit}"
        return "0s"
    minutes, rest = divmod(nanoseconds, 60 * _SECOND)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(rest, _SECOND)}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def _decimal(amount: int, size: int) -> str:
    # Whole numbers: a float would round the last of nine digits.
    whole, rest = divmod(amount, size)
    digits = str(rest).zfill(len(str(size)) - 1).rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)


def _line(label: str, value: str) -> str:
    return f"{label}:".ljust(_LABEL_WIDTH) + value
