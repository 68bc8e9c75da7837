"""A mark and an array, or a mark and the name: Mistral.

::

    [TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Paris"}}, …]
    [TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}[TOOL_CALLS]…

The marks are special tokens, which most detokenizers leave out; without them both forms count at the
start of the answer only.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from axm1_llm.answer.tools.calls import ToolCall
from axm1_llm.answer.tools.grammar import FENCE, Grammar, bare_json, fenced
from axm1_llm.answer.tools.json_span import json_text
from axm1_llm.answer.tools.reading import Calls, arguments_of, json_calls

if TYPE_CHECKING:
    from axm1_llm.answer.tools.grammar import Offer
    from axm1_llm.answer.tools.tape import Reading, Tape

MARK = "[TOOL_CALLS]"
_ID = re.compile(r"[A-Za-z0-9]*")
_JSON = bare_json()


def _marked(tape: Tape, offer: Offer) -> Reading[Calls]:
    yield from tape.space()
    if tape.text.startswith(("[", "{"), tape.at):
        return (yield from json_calls(tape, offer.names))
    return (yield from _named(tape, offer))


def _named(tape: Tape, offer: Offer) -> Reading[Calls]:
    name = yield from tape.one_of(offer.names)
    if not name:
        return ()
    if (yield from tape.one_of(("[CALL_ID]",))):
        yield from tape.word(_ID)
    yield from tape.one_of(("[ARGS]",))
    text = yield from json_text(tape)
    arguments = None if text is None else arguments_of(text)
    return () if arguments is None else (ToolCall(name, arguments),)


def _bare(tape: Tape, offer: Offer) -> Reading[Calls]:
    start = tape.at
    calls = yield from _JSON(tape, offer)
    if not calls:
        tape.at = start
        yield from tape.space()
        calls = yield from _named(tape, offer)
    return calls


MISTRAL = Grammar({MARK: _marked, FENCE: fenced}, _bare)
