"""Request bodies: bytes → checked models, with Ollama's words for what is wrong.

The content type is not looked at: `curl -d` says it sends a form, and Ollama takes it all the same.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from axm1_llm.errors import RequestCancelledError, RequestError, RequestTooLargeError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request

LARGEST_BODY = 64 * 1024 * 1024
"""In bytes; some pictures fit, and a small computer still has memory left."""

MOST_VALUES = 100_000
"""About: commas. Each is at least one token, and no model for this card takes as many; a body of nothing but
small objects would be hundreds of megabytes of Python's, and seconds of work."""

DEEPEST_NESTING = 100
"""Of lists and objects in each other; writing JSON again stops at 254, chat templates somewhere below."""

_Body = TypeVar("_Body", bound=BaseModel)


class Body(BaseModel):
    """A body, or an object in one: unknown keys are ignored, and null means that a key is not there.

    That is how Go reads JSON, and clients rely on it.
    """

    # Built when the first one comes: most services never see a body of every API.
    model_config = ConfigDict(extra="ignore", defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {key: each for key, each in value.items() if each is not None}


async def read_body(request: Request, model: type[_Body]) -> _Body:
    """The request's body as `model`.

    Raises:
        RequestError: it is missing, no JSON, or has a value of the wrong type; the text names it.
        RequestCancelledError: the client left before it had sent all of it.
        RequestTooLargeError: it has too many values.
        HTTPException: it is too large (413).
    """
    raw = await _read(request)
    if not raw or raw.isspace():
        raise RequestError("missing request body")
    if raw.count(b",") > MOST_VALUES:
        raise RequestTooLargeError(f"the body has more than {MOST_VALUES} values; send less at once")
    try:
        # Unlike pydantic's own parser it refuses NaN, infinite numbers and halves of characters.
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise RequestError(f"invalid JSON: {error}") from None
    del raw
    if _nests_too_deeply(document):
        raise RequestError(f"invalid JSON: it nests more than {DEEPEST_NESTING} levels")
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise RequestError(_explain(error)) from None


async def _read(request: Request) -> bytes:
    raw = bytearray()
    _check_size(int(request.headers.get("content-length", 0)))  # the server has checked that it is a number
    try:
        async for chunk in request.stream():
            raw += chunk
            _check_size(len(raw))
    except ClientDisconnect:
        # Also when the whole body has come, but nobody had read it yet (seen in a soak).
        raise RequestCancelledError from None
    return bytes(raw)


def _check_size(size: int) -> None:
    if size > LARGEST_BODY:
        raise HTTPException(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {LARGEST_BODY} bytes"
        )


def _nests_too_deeply(document: object) -> bool:
    level = [document]
    for _ in range(DEEPEST_NESTING):
        level = [inner for value in level for inner in _inside(value) if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _explain(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    path = ".".join(str(part) for part in first["loc"])
    if first["type"] == "says_all":
        return first["msg"]
    if path == "model" and first["type"] in {"missing", "string_too_short"}:
        return "model is required"
    if first["type"] == "missing":
        return f"{path} is required"
    if first["type"] == "value_error":
        return f"{path} {first['ctx']['error']}"
    if first["loc"][:1] in {("options",), ("parameters",)} and len(first["loc"]) > 1:
        return f'option "{first["loc"][1]}" must be of type {_type_name(first["type"])}'
    return f"invalid value for {path or 'the body'}: {first['msg']}"


def _type_name(kind: str) -> str:
    names = {"int": "integer", "float": "number", "string": "string", "bool": "boolean", "list": "array"}
    return next((name for prefix, name in names.items() if kind.startswith(prefix)), kind)
