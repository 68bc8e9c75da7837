"""Where a JSON object or array ends, found as it comes in."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from axm1_llm.answer.tools.tape import Reading, Tape

# Outside of strings JSON has these characters only, so text that is none is found out early: that also
# keeps a text full of beginnings from being read to its end from each of them.
_PLAIN = re.compile(r"[\s,:0-9+\-.eEtrufalsn]*")
_STRING = re.compile(r'[^"\\]*')
_CLOSERS = {"{": "}", "[": "]"}


def json_text(tape: Tape) -> Reading[str | None]:
    """Go behind the object or array that begins here; None when it breaks off or is none.

    Brackets that stand in strings are text. What lies between the right brackets may still be no JSON.
    """
    start = tape.at
    open_ones: list[str] = []
    while True:
        found = _PLAIN.match(tape.text, tape.at)
        tape.at = found.end() if found else tape.at
        if tape.at == len(tape.text):
            if not (yield from tape.more()):
                return None
            continue
        if not open_ones and tape.at > start:
            return None
        mark = tape.text[tape.at]
        tape.at += 1
        if mark == '"':
            if not (yield from _string(tape)):
                return None
        elif mark in _CLOSERS:
            open_ones.append(_CLOSERS[mark])
        elif not open_ones or mark != open_ones.pop():
            return None
        if not open_ones:
            return tape.text[start : tape.at] if mark in "}]" else None


def _string(tape: Tape) -> Reading[bool]:
    """Go behind the string whose first quote was read; False when it does not end."""
    while True:
        found = _STRING.match(tape.text, tape.at)
        tape.at = found.end() if found else tape.at
        # A backslash takes the character behind it along, so that must be there too.
        length = 2 if tape.text.startswith("\\", tape.at) else 1
        if len(tape.text) < tape.at + length:
            if not (yield from tape.more()):
                tape.at = len(tape.text)
                return False
            continue
        tape.at += length
        if length == 1:
            return True


def parse(text: str) -> object:
    """The JSON value; None when it is no JSON, or none that could be sent on.

    Line breaks in strings, as small models write them, pass. Halves of characters, numbers without end or
    beyond 64 bits, and very deep nesting do not: the answer to the client could not be written with them.
    """
    try:
        value = json.loads(text, strict=False, parse_float=_finite, parse_constant=_finite)
        orjson.dumps(value)
    except (ValueError, TypeError, RecursionError):
        return None
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number without end")
    return value
