"""Durations as people write them: Go's ``5m``, ``1h30m``, ``1.5h``, ``300ms``, or a number of seconds."""

from __future__ import annotations

import math
import re

_SECONDS_PER_UNIT = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,  # U+00B5, the micro sign
    "μs": 1e-6,  # U+03BC, the Greek letter: Go takes both
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_PART = re.compile(rf"({_NUMBER})(ns|us|µs|μs|ms|s|m|h)")
_PLAIN = re.compile(rf"[-+]?{_NUMBER}")
_LONGEST_TEXT = 64

EXPECTED_DURATION = "a duration such as '5m', '1h30m', '1.5h', '300s', or a number of seconds"


def parse_duration(value: str | float) -> float:
    """The seconds that a duration stands for; negative ones stay negative.

    Args:
        value: Go's notation (``-1m``, ``1h30m``), or seconds as a number or as its text.

    Raises:
        ValueError: it is neither, or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(_complaint(value))  # noqa: TRY004 - callers hand over what a user wrote
    if isinstance(value, str):
        return _parse_text(value)
    try:
        seconds = float(value)
    except OverflowError:
        raise ValueError(_complaint(value)) from None
    if not math.isfinite(seconds):
        raise ValueError(_complaint(value))
    return seconds


def parse_keep_alive(value: str | float) -> float:
    """The seconds for which an idle model stays loaded: 0 is "leave at once", infinity "never leave".

    Any negative duration means never, as in Ollama.

    Raises:
        ValueError: it is no duration.
    """
    seconds = parse_duration(value)
    return math.inf if seconds < 0 else seconds


def parse_time_limit(value: str | float) -> float:
    """The seconds of a time limit; zero and negative ones mean none (infinity).

    ``OLLAMA_LOAD_TIMEOUT`` is read this way.

    Raises:
        ValueError: it is no duration.
    """
    seconds = parse_duration(value)
    return seconds if seconds > 0 else math.inf


def _parse_text(text: str) -> float:
    stripped = text.strip()
    if len(stripped) > _LONGEST_TEXT:
        raise ValueError(_complaint(text))
    if _PLAIN.fullmatch(stripped):
        return float(stripped)
    parts = stripped.removeprefix("-") if stripped.startswith("-") else stripped.removeprefix("+")
    seconds, position = 0.0, 0
    while match := _PART.match(parts, position):
        seconds += float(match[1]) * _SECONDS_PER_UNIT[match[2]]
        position = match.end()
    if position == 0 or position != len(parts):
        raise ValueError(_complaint(text))
    return -seconds if stripped.startswith("-") else seconds


def _complaint(value: object) -> str:
    shown = repr(value)
    if len(shown) > _LONGEST_TEXT:
        shown = shown[:_LONGEST_TEXT] + "…"
    return f"{shown} is no duration; expected {EXPECTED_DURATION}"
