"""Turns under the names, and in the shapes, that chat templates look for.

Templates are written for what their makers had at hand, and refuse or drop the rest (all seen in templates
that ship with models):

* arguments of a tool call as an object (Qwen, Llama), or as JSON text (DeepSeek V3);
* a call's text as None, or the call is left out (DeepSeek V3 and R1);
* ids of nine characters for calls and their results (Mistral);
* one call a turn (Llama 3.1), no system turn (Gemma 2), users and assistants in turn (Mistral, Gemma).

So a template is shown what its own text asks for, and when it refuses the turns, the same turns in
another arrangement.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from axm1_llm.tokenizer.prompts import Message

Seen = dict[str, Any]
"""One turn, as a template sees it."""

_WANTS_NONE = re.compile(r"content(?:['\"]\])?\s+is\s+none")
_WANTS_SHORT_IDS = re.compile(r"\|\s*length\s*!=\s*9\b")
_SHORT_ID = 9


class _Arguments(dict[str, object]):
    """A tool call's arguments: an object, and its JSON wherever a template uses it as a text."""

    def __str__(self) -> str:
        return json.dumps(self, ensure_ascii=False)

    __repr__ = __str__

    def __add__(self, text: str) -> str:
        return f"{self}{text}"

    def __radd__(self, text: str) -> str:
        return f"{text}{self}"


def arrangements(turns: Sequence[Message], source: str, pictures: int = 0) -> Iterator[list[Seen]]:
    """The turns in the arrangements to try, the plainest first; each differs from the one before.

    Args:
        turns: oldest first.
        source: the template's text.
        pictures: how many the last user turn shows.
    """
    seen = _with_matching_ids([_as_seen(turn) for turn in turns], short=bool(_WANTS_SHORT_IDS.search(source)))
    if pictures:
        _show_pictures(seen, pictures)
    yield (last := _without_text(seen) if _WANTS_NONE.search(source) else seen)
    changes: tuple[Callable[[list[Seen]], list[Seen]], ...] = (_one_call_a_turn, _alternating, _no_system)
    for change in changes:
        if (changed := change(seen)) != last:
            yield (last := changed)
        seen = changed


def _as_seen(turn: Message) -> Seen:
    """One turn under all the names in use; keys without a value are left out."""
    seen: Seen = {"role": turn.role, "content": turn.content, **turn.extra}
    thinking = seen.get("reasoning_content", seen.get("thinking"))
    if thinking is not None:  # templates of different makers read one or the other
        seen.update(thinking=thinking, reasoning_content=thinking)
    if turn.role == "tool":
        seen.setdefault("name", seen.get("tool_name"))
    calls = seen.get("tool_calls")
    calls = calls if isinstance(calls, list | tuple) else ()
    seen["tool_calls"] = [_call(call) for call in calls if isinstance(call, Mapping)] or None
    return {name: value for name, value in seen.items() if value is not None}


def _call(call: Mapping[str, Any]) -> Seen:
    function = call.get("function")
    function = function if isinstance(function, Mapping) else {}
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        arguments = _parsed(arguments)
    if isinstance(arguments, Mapping):
        arguments = _Arguments(arguments)
    return {"type": "function", **call, "function": {**function, "arguments": arguments}}


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _with_matching_ids(seen: list[Seen], *, short: bool) -> list[Seen]:
    """Give every call an id, and every result the id and the name of its call.

    OpenAI's clients name the id only, Ollama's the tool only, or neither: then results come in the order
    of the calls.
    """
    waiting: list[Seen] = []
    for place, turn in enumerate(seen):
        if "tool_calls" in turn:
            waiting = turn["tool_calls"]
            for number, call in enumerate(waiting):
                given = call.get("id")
                if not isinstance(given, str) or (short and not _is_short(given)):
                    call["short_id"] = _short_id(given or f"{place} {number}")
        elif turn["role"] == "tool" and waiting:
            call = _answered(turn, waiting)
            waiting = [other for other in waiting if other is not call]
            turn["tool_call_id"] = call.get("short_id") or call["id"]
            turn.setdefault("name", call["function"].get("name"))
    for call in (call for turn in seen for call in turn.get("tool_calls", ())):
        if "short_id" in call:
            call["id"] = call.pop("short_id")
    return seen


def _answered(result: Seen, waiting: list[Seen]) -> Seen:
    """The call that a result belongs to."""
    for call in waiting:
        if "tool_call_id" in result and call.get("id") == result["tool_call_id"]:
            return call
    for call in waiting:
        if "name" in result and call["function"].get("name") == result["name"]:
            return call
    return waiting[0]


def _is_short(given: str) -> bool:
    return len(given) == _SHORT_ID and given.isascii() and given.isalnum()


def _short_id(given: object) -> str:
    return hashlib.sha256(str(given).encode()).hexdigest()[:_SHORT_ID]


def _show_pictures(seen: list[Seen], count: int) -> None:
    """Make the last user turn the list of pictures and text that templates of vision models look for."""
    for turn in reversed(seen):
        if turn["role"] == "user":
            shown: list[Seen] = [{"type": "image"} for _ in range(count)]
            turn["content"] = [*shown, {"type": "text", "text": turn["content"]}]
            return


def _without_text(seen: list[Seen]) -> list[Seen]:
    """Calls in turns without a text; a text that was there is a turn before it."""
    found: list[Seen] = []
    for turn in seen:
        if "tool_calls" in turn and turn.get("content"):
            found.append({name: value for name, value in turn.items() if name != "tool_calls"})
        found.append({**turn, "content": None} if "tool_calls" in turn else turn)
    return found


def _one_call_a_turn(seen: list[Seen]) -> list[Seen]:
    """Each call in a turn of its own, its result right behind it."""
    found: list[Seen] = []
    place = 0
    while place < len(seen):
        turn = seen[place]
        place += 1
        if len(calls := turn.get("tool_calls", ())) < 2:  # noqa: PLR2004 - there is nothing to take apart
            found.append(turn)
            continue
        results: list[Seen] = []
        while place < len(seen) and seen[place]["role"] == "tool":
            results.append(seen[place])
            place += 1
        for number, call in enumerate(calls):
            found.append({**turn, "tool_calls": [call], "content": "" if number else turn.get("content", "")})
            found += [one for one in results if one.get("tool_call_id") == call["id"]]
    return found


def _alternating(seen: list[Seen]) -> list[Seen]:
    """Turns of the same speaker one after the other as one turn."""
    found: list[Seen] = []
    for turn in seen:
        plain = turn.keys() <= {"role", "content"} and isinstance(turn["content"], str)
        if plain and found and found[-1].keys() == turn.keys() and found[-1]["role"] == turn["role"]:
            found[-1] = {**turn, "content": f"{found[-1]['content']}\n\n{turn['content']}"}
        else:
            found.append(turn)
    return found


def _no_system(seen: list[Seen]) -> list[Seen]:
    """System prompts at the head of the user turn that follows."""
    found: list[Seen] = []
    waiting: list[str] = []
    for turn in seen:
        if turn["role"] == "system":
            waiting.append(turn.get("content") or "")
        elif waiting and turn["role"] == "user" and isinstance(turn.get("content"), str):
            found.append({**turn, "content": "\n\n".join((*waiting, turn["content"]))})
            waiting = []
        else:
            found.append(turn)
    return seen if waiting else found  # no user turn follows: rather refused than lost
