"""The types of the values in Ollama's bodies, with Ollama's words for what is wrong with one."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictBool, StrictStr
from pydantic_core import PydanticCustomError

from axm1_llm.durations import parse_keep_alive

_INT64 = 2**63
_LEVELS = ("low", "medium", "high", "max")


def wrong(text: str) -> PydanticCustomError:
    """An error whose text says all; clients get it as it is."""
    return PydanticCustomError("says_all", "{text}", {"text": text})


def _shown(value: object) -> str:
    return json.dumps(value)[:60]


def _whole(value: object) -> object:
    """A whole number; Ollama reads options as floats and cuts them, so 10.0 is 10."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_INT64 <= value < _INT64:
        raise PydanticCustomError("int_type", "must be a whole number")
    return int(value)


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("float_type", "must be a number")
    return float(value)


def _texts(value: object) -> object:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise PydanticCustomError("list_type", "must be an array of strings")
    return texts


def _keep_alive(value: object) -> object:
    if not isinstance(value, int | float | str) or isinstance(value, bool):
        raise PydanticCustomError("keep_alive", "must be a number of seconds or a duration such as '5m'")
    return parse_keep_alive(value)


def _think(value: object) -> object:
    if isinstance(value, bool) or value in _LEVELS:
        return value
    raise wrong(
        f'invalid think value: {_shown(value)} (must be "high", "medium", "low", "max", true, or false)'
    )


def _format(value: object) -> object:
    if value == "":
        return None
    if value == "json" or isinstance(value, dict):
        return value
    raise wrong(f'invalid format: {_shown(value)}; expected "json" or a valid JSON Schema object')


def _role(value: object) -> object:
    role = value.lower() if isinstance(value, str) else value
    if role not in ("system", "user", "assistant", "tool"):
        raise wrong(f"invalid role: {_shown(value)}; expected system, user, assistant or tool")
    return role


Flag = StrictBool
Text = StrictStr
JsonObject = dict[str, object]
Name = Annotated[StrictStr, Field(min_length=1)]
Integer = Annotated[int, BeforeValidator(_whole, json_schema_input_type=int)]
Number = Annotated[float, BeforeValidator(_number, json_schema_input_type=float)]
Texts = Annotated[list[str], BeforeValidator(_texts, json_schema_input_type=str | list[str])]
Duration = Annotated[str, Field(pattern=r"^-?[0-9]{1,9}[smh]$")]
KeepAlive = Annotated[float, BeforeValidator(_keep_alive, json_schema_input_type=int | Duration)]
Think = Annotated[
    bool | str, BeforeValidator(_think, json_schema_input_type=bool | Literal["low", "medium", "high", "max"])
]
Format = Annotated[
    str | JsonObject | None, BeforeValidator(_format, json_schema_input_type=Literal["json", ""] | JsonObject)
]
Role = Annotated[
    str,
    BeforeValidator(_role, json_schema_input_type=Literal["system", "user", "assistant", "tool"]),
]
