"""JSON values in the text of an answer: between prose, in code fences, with more text behind them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from axm1_llm.answer.tools.json_span import json_text
from axm1_llm.answer.tools.tape import Tape

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPENER = re.compile(r"[{\[]")
_FENCED = re.compile(r"```[a-z]*\s(.*?)(?:```|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class JsonValue:
    """A value and its text.

    Attributes:
        text: valid JSON: the model's own where that is valid.
        value: what it says.
    """

    text: str
    value: object


def json_values(text: str) -> list[JsonValue]:
    """The values in `text`, in order; the time it takes grows with the text.

    Objects and arrays are found wherever they stand, not those in others. Other values (a number, a word in
    quotes) only when they are all that there is, or all that a code fence holds.
    """
    fenced = _FENCED.search(text)
    for whole in (text, fenced[1] if fenced else ""):
        if (value := _value(whole.strip())) is not None:
            return [value]
    return [value for span in _spans(text) if (value := _value(span)) is not None]


def breaks_off(text: str) -> bool:
    """Whether `text` ends within an object or array."""
    return "" in _spans(text)


def _spans(text: str) -> Iterator[str]:
    """What stands between brackets that belong together; empty, as the last one, when they are not closed."""
    tape = Tape()
    tape.text, tape.ended = text, True
    while found := _OPENER.search(text, tape.at):
        tape.at = found.start()
        reading = json_text(tape)
        try:
            next(reading)
        except StopIteration as done:
            if done.value is not None:
                yield done.value
            elif tape.at >= len(text):
                yield ""


def _value(text: str) -> JsonValue | None:
    try:
        return JsonValue(text, json.loads(text, parse_constant=_refuse))
    except (ValueError, RecursionError):
        pass
    try:  # small models put line breaks into strings as they are
        value = json.loads(text, parse_constant=_refuse, strict=False)
        return JsonValue(json.dumps(value), value)
    except (ValueError, RecursionError):
        return None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
