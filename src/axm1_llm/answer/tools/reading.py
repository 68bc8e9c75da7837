"""JSON values that are calls."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from axm1_llm.answer.tools.calls import ToolCall
from axm1_llm.answer.tools.json_span import json_text, parse

if TYPE_CHECKING:
    from axm1_llm.answer.tools.tape import Reading, Tape

_ARGUMENTS = ("arguments", "parameters")  # most families; Llama 3.x
_KEYS = {"name", "type", "id", "function", "description", *_ARGUMENTS}

Calls = tuple[ToolCall, ...]


def calls_in(value: object, names: frozenset[str], *, bare: bool = False) -> Calls:
    """The calls that a JSON value is: an object is one, an array all or none; empty for everything else.

    Args:
        value: from `parse`.
        names: the tools that there are.
        bare: nothing but its keys says that it is a call, so it must have all of them and no others.
    """
    if isinstance(value, list):
        found = [_call(item, names, bare=bare) for item in value]
        calls = tuple(call for call in found if call is not None)
        return calls if len(calls) == len(found) else ()
    call = _call(value, names, bare=bare)
    return () if call is None else (call,)


def json_calls(tape: Tape, names: frozenset[str], *, bare: bool = False) -> Reading[Calls]:
    """Read an object or array that is calls."""
    if bare and not (yield from _could_be_calls(tape, names)):
        return ()
    text = yield from json_text(tape)
    return () if text is None else calls_in(parse(text), names, bare=bare)


def arguments_of(value: object) -> dict[str, object] | None:
    """Arguments as an object, which some models write as a string, or as null; None when they are none."""
    if isinstance(value, str) and value.strip():
        value = parse(value)
        return value if isinstance(value, dict) else None
    if value is None or isinstance(value, str):
        return {}
    return value if isinstance(value, dict) else None


def _call(value: object, names: frozenset[str], *, bare: bool) -> ToolCall | None:
    if not isinstance(value, dict):
        return None
    inner = value.get("function")
    if isinstance(inner, dict):  # as OpenAI writes it: {"type": "function", "function": {…}}
        value = inner
    name = value.get("name", inner)
    if not isinstance(name, str) or name not in names:
        return None
    given = [value[key] for key in _ARGUMENTS if key in value]
    if bare and (not given or not _KEYS.issuperset(value)):
        return None
    arguments = arguments_of(given[0]) if given else {}
    return None if arguments is None else ToolCall(name, arguments)


def _could_be_calls(tape: Tape, names: frozenset[str]) -> Reading[bool]:
    """Whether it begins as a call does, known long before its end; the place stays."""
    start = tape.at
    if (yield from tape.one_of(("[",))):
        yield from tape.space()
    could = bool((yield from tape.one_of(("{",))))
    yield from tape.space()
    key = could and (yield from tape.one_of(f'"{key}"' for key in _KEYS))
    if key == '"name"':
        yield from tape.optional((":",))
        yield from tape.space()
        key = yield from tape.one_of(json.dumps(name) for name in names)
    tape.at = start
    return bool(key)
