"""Tool calls, told apart from text as an answer streams.

White space next to a call belongs to the call: chat templates put their own there, and a conversation that
comes back with both would not be what the runtime holds in its KV cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from axm1_llm.answer.tools.calls import ToolCall, ToolFormat
from axm1_llm.answer.tools.deepseek import DEEPSEEK
from axm1_llm.answer.tools.grammar import Offer
from axm1_llm.answer.tools.hermes import HERMES
from axm1_llm.answer.tools.llama import LLAMA
from axm1_llm.answer.tools.mistral import MISTRAL
from axm1_llm.answer.tools.tape import Tape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axm1_llm.answer.tools.grammar import Grammar
    from axm1_llm.answer.tools.reading import Calls
    from axm1_llm.answer.tools.tape import Reading

# White space that may stand before a call is held back; more than this is text.
_MOST_SPACE = 16

# What attempts at calls may read in vain before the rest of the answer is text. An answer of unclosed
# calls is read to its end from each of them: 80 KB took 9 s, in which the service did nothing else.
_MOST_IN_VAIN = 200_000


@dataclass(frozen=True, slots=True)
class Found:
    """Calls and the text that they were; none for white space that belongs to the call before it."""

    calls: Calls
    source: str


class ToolCallParser:
    """Splits the text of an answer into text and calls.

    Args:
        syntax: how this model writes a call.
        names: the tools that it was offered; nothing else is a call.
        texts: (tool, parameter) of each parameter that is known to be a string, from `text_parameters`.
    """

    def __init__(
        self,
        syntax: ToolFormat,
        names: frozenset[str],
        texts: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:
        self._grammar = _grammar(syntax)
        self._offer = Offer(names, texts)
        self._tape = Tape()
        self._behind_call = False
        self._long_space = False  # the text that went out last ends in white space that belongs to no call
        self._attempt: Reading[Calls] | None = self._grammar.bare(self._tape, self._offer)
        self._in_vain = 0  # characters that attempts went over which found no call
        self._resume = 0  # where text goes on when what is being read is no call

    def feed(self, text: str) -> list[str | ToolCall]:
        """What `text` adds, in order: text that is certain to be no part of a call, and complete calls."""
        self._tape.text += text
        return list(_flat(self.pieces()))

    def flush(self) -> list[str | ToolCall]:
        """What was held back, once the answer is over; a call that is not complete is text."""
        self._tape.ended = True
        return list(_flat(self.pieces()))

    def pieces(self) -> Iterator[str | Found]:
        """What is certain by now; all of them, one after the other, are the answer as it came."""
        while self._tape.text or self._attempt is not None:
            if self._attempt is None:
                yield from self._text()
            if self._attempt is None:
                return
            try:
                next(self._attempt)
            except StopIteration as done:
                yield from self._outcome(done.value)
            else:
                return

    def _text(self) -> Iterator[str | Found]:
        """Text up to what may begin a call; the attempt to read that call, when it certainly begins."""
        tape = self._tape
        given_up = self._in_vain > _MOST_IN_VAIN
        found = None if given_up else self._grammar.openers.search(tape.text, tape.at)
        end = found.start() if found else self._certain()
        held = end - len(tape.text[:end].rstrip())
        goes_on = self._long_space and held == end  # more of the white space that was too long
        if held > _MOST_SPACE or goes_on or (tape.ended and not found):
            held = 0
        if end > held:
            passed = tape.drop(end - held)
            self._long_space = passed[-1].isspace()
            yield passed
        tape.at = 0
        if found:
            tape.at = self._resume = held + len(found[0])
            self._attempt = self._grammar.readers[found[0]](tape, self._offer)

    def _certain(self) -> int:
        """How much of the text cannot be a part of what begins a call."""
        text, openers = self._tape.text, self._grammar.readers
        if self._tape.ended:
            return len(text)
        longest = max(map(len, openers))
        for start in range(max(self._tape.at, len(text) - longest + 1), len(text)):
            if any(opener.startswith(text[start:]) for opener in openers):
                return start
        return len(text)

    def _outcome(self, calls: Calls) -> Iterator[Found]:
        tape = self._tape
        if calls:
            yield Found(calls, tape.drop(tape.at))
            tape.at = self._resume = 0
            self._behind_call = True
            self._long_space = False
            self._attempt = self._grammar.bare(tape, self._offer)
            return
        self._attempt = None
        self._in_vain += max(0, tape.at - self._resume)
        tape.at = self._resume
        if self._behind_call and tape.ended and not tape.text.strip():
            yield Found((), tape.drop(len(tape.text)))
        self._behind_call = False


def _grammar(syntax: ToolFormat) -> Grammar:
    match syntax:
        case ToolFormat.HERMES:
            return HERMES
        case ToolFormat.LLAMA:
            return LLAMA
        case ToolFormat.MISTRAL:
            return MISTRAL
        case ToolFormat.DEEPSEEK:
            return DEEPSEEK


def _flat(pieces: Iterator[str | Found]) -> Iterator[str | ToolCall]:
    for piece in pieces:
        if isinstance(piece, Found):
            yield from piece.calls
        else:
            yield piece
