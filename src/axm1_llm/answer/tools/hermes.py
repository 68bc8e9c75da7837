"""JSON or parameters between tags: Hermes, Qwen2.5, Qwen3, Qwen3-Coder, Qwen3.5.

::

    <tool_call>
    {"name": "get_weather", "arguments": {"city": "Paris"}}
    </tool_call>

    <tool_call>
    <function=get_weather>
    <parameter=city>
    Paris
    </parameter>
    </function>
    </tool_call>
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from axm1_llm.answer.tools.calls import ToolCall
from axm1_llm.answer.tools.grammar import FENCE, Grammar, bare_json, fenced
from axm1_llm.answer.tools.json_span import json_text, parse
from axm1_llm.answer.tools.reading import Calls, arguments_of, json_calls

if TYPE_CHECKING:
    from axm1_llm.answer.tools.grammar import Offer
    from axm1_llm.answer.tools.tape import Reading, Tape

# The first pair is Qwen's; templates of other makers differ in nothing but the tags.
TAGS = {
    "<tool_call>": "</tool_call>",
    "<tool_calls>": "</tool_calls>",
    "<TOOLCALL>": "</TOOLCALL>",
    "<seed:tool_call>": "</seed:tool_call>",
    "<|tool_call|>": "<|/tool_call|>",
}
FUNCTION = "<function="
_END = "</function>"
_PARAMETER, _PARAMETER_END = "<parameter=", "</parameter>"
_NAME = re.compile(r"[^\s<>=\"']*")
_WORDS = {"null": None, "None": None, "True": True, "False": False}


def function_tag(tape: Tape, offer: Offer) -> Reading[Calls]:
    """A call with its name in a tag, from behind ``<function=``: with parameters, or with JSON."""
    name = yield from tape.word(_NAME)
    if name not in offer.names or not (yield from tape.one_of((">",))):
        return ()
    yield from tape.space()
    arguments: dict[str, object] | None
    if tape.text.startswith("{", tape.at):
        text = yield from json_text(tape)
        arguments = None if text is None else arguments_of(text)
        yield from tape.optional((_END,))
    else:
        arguments = yield from _parameters(tape, name, offer)
    if arguments is None:
        return ()
    yield from tape.optional(TAGS.values())
    return (ToolCall(name, arguments),)


def _tagged(tape: Tape, offer: Offer) -> Reading[Calls]:
    yield from tape.space()
    if (yield from tape.one_of((FUNCTION,))):
        return (yield from function_tag(tape, offer))
    calls = yield from json_calls(tape, offer.names)
    if calls:
        yield from tape.optional(TAGS.values())
    return calls


def _parameters(tape: Tape, tool: str, offer: Offer) -> Reading[dict[str, object] | None]:
    found: dict[str, object] = {}
    while True:
        mark = yield from tape.optional((_PARAMETER, _END))
        if mark != _PARAMETER:
            # The end of the answer ends the call too, when what there is of it is whole.
            complete = mark == _END or (found and tape.ended and not tape.text[tape.at :].strip())
            return found if complete else None
        name = yield from tape.word(_NAME)
        if not (yield from tape.one_of((">",))):
            return None
        value = yield from _value(tape)
        if value is None:
            return None
        found[name] = value if (tool, name) in offer.texts else _guessed(value)


def _value(tape: Tape) -> Reading[str | None]:
    """A parameter's text; it may hold the closing tag itself, then nothing of the format follows that."""
    start = tape.at
    while (yield from tape.until(_PARAMETER_END)) is not None:
        end = tape.at
        follows = yield from tape.optional((_PARAMETER, _END))
        over = tape.ended and not tape.text[end:].strip()
        tape.at = end
        if follows or over:
            return tape.text[start : end - len(_PARAMETER_END)].removeprefix("\n").removesuffix("\n")
    return None


def _guessed(text: str) -> object:
    """A value without quotes: JSON or one of Python's words, which these templates write too; else text."""
    plain = text.strip()
    if plain in _WORDS:
        return _WORDS[plain]
    value = parse(plain)
    return text if value is None else value


HERMES = Grammar(
    {**dict.fromkeys(TAGS, _tagged), FUNCTION: function_tag, FENCE: fenced}, bare_json(TAGS.values())
)
