"""What a format consists of, and what every format lets pass: calls without marks, and in code fences."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from axm1_llm.answer.tools.reading import Calls, json_calls
from axm1_llm.answer.tools.tape import Reading, Tape

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Offer:
    """The tools that there are.

    Attributes:
        names: theirs; nothing else is a call.
        texts: (tool, parameter) of each parameter that is known to be a string.
    """

    names: frozenset[str]
    texts: frozenset[tuple[str, str]] = frozenset()


Reader = Callable[[Tape, Offer], Reading[Calls]]
"""Reads one call, or what belongs together; empty when it is none, wherever the place is then."""

FENCE = "```"
_LANGUAGES = {"", "json", "tool_call", "tool_calls"}
_LETTERS = re.compile(r"[a-z_]*")


@dataclass(frozen=True, slots=True)
class Grammar:
    """How a family writes calls.

    Attributes:
        readers: what begins a call, wherever it stands, and how it is read from behind there.
        bare: reads a call without a mark, at the start of the answer or behind another call.
    """

    readers: Mapping[str, Reader]
    bare: Reader
    openers: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        longest_first = sorted(self.readers, key=len, reverse=True)
        object.__setattr__(self, "openers", re.compile("|".join(map(re.escape, longest_first))))


def fenced(tape: Tape, offer: Offer) -> Reading[Calls]:
    """A call in a code fence, as small models write it; from behind the opening fence."""
    language = yield from tape.word(_LETTERS)
    if language not in _LANGUAGES:
        return ()
    yield from tape.space()
    calls = yield from json_calls(tape, offer.names, bare=True)
    if calls:
        yield from tape.optional((FENCE,))
    return calls


def bare_json(closers: Iterable[str] = ()) -> Reader:
    """A reader of JSON that is a call.

    The mark in front of it may be a special token, which no detokenizer prints; or the model left it out.

    Args:
        closers: marks that may stand behind it.
    """
    closing = tuple(closers)

    def read(tape: Tape, offer: Offer) -> Reading[Calls]:
        yield from tape.optional((";", ","))
        yield from tape.space()
        calls = yield from json_calls(tape, offer.names, bare=True)
        if calls and closing:
            yield from tape.optional(closing)
        return calls

    return read
