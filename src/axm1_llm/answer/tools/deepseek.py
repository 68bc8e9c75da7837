"""Tokens of their own around each call: DeepSeek V3, R1 and its distillations, V3.1.

::

    <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather
    ```json
    {"city": "Paris"}
    ```<｜tool▁call▁end｜>…<｜tool▁calls▁end｜>

    <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{"city": "Paris"}<｜tool▁call▁end｜>…
"""  # noqa: RUF002 - DeepSeek's own signs

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from axm1_llm.answer.tools.calls import ToolCall
from axm1_llm.answer.tools.grammar import FENCE, Grammar, bare_json, fenced
from axm1_llm.answer.tools.json_span import json_text
from axm1_llm.answer.tools.reading import Calls, arguments_of

if TYPE_CHECKING:
    from axm1_llm.answer.tools.grammar import Offer
    from axm1_llm.answer.tools.tape import Reading, Tape


def _spellings(*words: str) -> tuple[str, ...]:
    # The distillations have no such tokens: they spell the marks out, and not always with the right signs.
    return tuple(f"<{bar}{gap.join(words)}{bar}>" for bar in "｜|" for gap in "▁_ ")  # noqa: RUF001 - see above


_CALLS, _CALLS_END = _spellings("tool", "calls", "begin"), _spellings("tool", "calls", "end")
_CALL, _CALL_END = _spellings("tool", "call", "begin"), _spellings("tool", "call", "end")
_BETWEEN = _spellings("tool", "sep")
_NAME = re.compile(r"[^\s<>{}\[\]\"`|｜]*")  # noqa: RUF001 - the bar of the marks


def _calls(tape: Tape, offer: Offer) -> Reading[Calls]:
    if not (yield from tape.optional(_CALL)):
        return ()
    return (yield from _call(tape, offer))


def _call(tape: Tape, offer: Offer) -> Reading[Calls]:
    first = yield from tape.word(_NAME)  # "function" before V3.1, then the name itself
    if not (yield from tape.one_of(_BETWEEN)):
        return ()
    yield from tape.space()
    name = (yield from tape.word(_NAME)) or first
    if name not in offer.names:
        return ()
    yield from tape.optional((f"{FENCE}json", FENCE))
    yield from tape.space()
    text = yield from json_text(tape)
    arguments = None if text is None else arguments_of(text)
    if arguments is None:
        return ()
    for closers in ((FENCE,), _CALL_END, _CALLS_END):
        yield from tape.optional(closers)
    return (ToolCall(name, arguments),)


DEEPSEEK = Grammar(
    {**dict.fromkeys(_CALLS, _calls), **dict.fromkeys(_CALL, _call), FENCE: fenced},
    bare_json((*_CALL_END, *_CALLS_END)),
)
