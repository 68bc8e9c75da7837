"""Tools and calls in OpenAI's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from axm1_llm.api.conversation import PastCall, only_tool
from axm1_llm.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Tools = tuple[Mapping[str, object], ...]


def chosen_tools(tools: Sequence[Mapping[str, object]], choice: str | Mapping[str, object] | None) -> Tools:
    """The tools that the model is offered.

    It cannot be made to call one, so ``required`` is as good as ``auto``.

    Raises:
        RequestError: `choice` is none of OpenAI's, or names a tool that is not there.
    """
    match choice:
        case "none":
            return ()
        case None | "auto" | "required":
            return tuple(tools)
        case {"type": "function", "function": {"name": str(name)}} | {"type": "function", "name": str(name)}:
            return only_tool(tools, name)
        case _:
            raise RequestError("tool_choice must be none, auto, required or name a function")


def past_call(call_id: str, name: str, arguments: str | Mapping[str, object] | None) -> PastCall:
    """An earlier call, its arguments no longer in a string.

    Raises:
        RequestError: they are no JSON object.
    """
    if arguments is None or arguments == "":
        return PastCall(call_id, name, {})
    try:
        found = orjson.loads(arguments) if isinstance(arguments, str) else arguments
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise RequestError(f"the arguments of the call of '{name}' are no JSON object")
    return PastCall(call_id, name, found)
