"""Request bodies: bytes → checked models, with Ollama's words for what is wrong.

The content type is not looked at: `curl -d` says it sends a form, and Ollama takes it all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from axm1_llm.errors import RequestError

if TYPE_CHECKING:
    from starlette.requests import Request

_Body = TypeVar("_Body", bound=BaseModel)


async def read_body(request: Request, model: type[_Body]) -> _Body:
    """The request's body as `model`.

    Raises:
        RequestError: it is missing, no JSON, or has a value of the wrong type; the text names it.
    """
    raw = await request.body()
    if not raw.strip():
        raise RequestError("missing request body")
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise RequestError(_explain(error)) from None


def _explain(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    path = ".".join(str(part) for part in first["loc"])
    if first["type"] == "json_invalid":
        return f"invalid JSON: {first['msg'].removeprefix('Invalid JSON: ')}"
    if path == "model" and first["type"] in {"missing", "string_too_short"}:
        return "model is required"
    if first["type"] == "value_error":
        return f"{path} {first['ctx']['error']}"
    if first["loc"][:1] == ("options",) and len(first["loc"]) > 1:
        return f'option "{first["loc"][1]}" must be of type {_type_name(first["type"])}'
    return f"invalid value for {path or 'the body'}: {first['msg']}"


def _type_name(kind: str) -> str:
    names = {"int": "integer", "float": "number", "string": "string", "bool": "boolean", "list": "array"}
    return next((name for prefix, name in names.items() if kind.startswith(prefix)), kind)
