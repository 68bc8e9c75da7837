"""What routes say of themselves in the OpenAPI description: bodies, answers, error statuses.

The bodies are read by `axm1_llm.api.bodies`, not by the framework, so each route declares them here.
"""

from __future__ import annotations

import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from axm1_llm.api.envelopes import anthropic_error, ollama_error, openai_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from axm1_llm.api.envelopes import Envelope

Responses = dict[int | str, dict[str, Any]]
"""The `responses` of a FastAPI route."""

NDJSON, SSE, JSON = "application/x-ndjson", "text/event-stream", "application/json"
TEXT, HTML = "text/plain", "text/html"

_CLIENT_CLOSED_REQUEST = 499
_BODY = "x-body"  # where the class of a body is, until its schema stands in its place

_MEANINGS: Mapping[int, str] = {
    HTTPStatus.BAD_REQUEST: "The request cannot be served as it is; the text says why.",
    HTTPStatus.UNAUTHORIZED: "The service wants an API key.",
    HTTPStatus.FORBIDDEN: "The service listens for this machine only, and the request names another host.",
    HTTPStatus.NOT_FOUND: "No such model.",
    HTTPStatus.METHOD_NOT_ALLOWED: "The path knows no such method.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "No answer of the model fitted the format that was asked for.",
    _CLIENT_CLOSED_REQUEST: "The client went away before the answer was complete.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "The model failed; the text has the reason.",
    HTTPStatus.NOT_IMPLEMENTED: "This service does not do that; the text says why.",
    HTTPStatus.BAD_GATEWAY: "The hub, the network or the disk is in the way; the text says how.",
    HTTPStatus.INSUFFICIENT_STORAGE: "The disk is too small.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Too many requests wait, or the service leaves; come again.",
}

_ALWAYS = (
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.INTERNAL_SERVER_ERROR,
)

LOOKING = (HTTPStatus.NOT_FOUND,)
"""Errors of a route that names a model and only looks at it."""

READING = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.NOT_FOUND)
"""Errors of a route that reads a body with a model's name in it."""

PULLING = (
    *READING,
    _CLIENT_CLOSED_REQUEST,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.INSUFFICIENT_STORAGE,
)
"""Errors of the route that downloads a model."""

RUNNING = (
    *READING,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    _CLIENT_CLOSED_REQUEST,
    HTTPStatus.SERVICE_UNAVAILABLE,
)
"""Errors of a route that makes a model work."""


def body(model: type[BaseModel]) -> dict[str, Any]:
    """The `openapi_extra` of a route that reads its body as `model`; `describe_bodies` completes it."""
    return {_BODY: f"{model.__module__}:{model.__qualname__}"}


def describe_bodies(document: dict[str, Any]) -> dict[str, Any]:
    """Write the schemas of all bodies into a description.

    Only when somebody asks for it: to make them takes 0.1 s and 2 MB of each start.
    """
    for operations in document["paths"].values():
        for operation in operations.values():
            module, _, name = operation.pop(_BODY, "").partition(":")
            if name:
                schema = schema_of(getattr(sys.modules[module], name))
                operation["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    return document


def responses(
    errors: tuple[int, ...] = (),
    *media_types: str,
    envelope: Envelope = ollama_error,
    ok: str = "The answer.",
) -> Responses:
    """The `responses` of a route.

    Args:
        errors: statuses beside those that every route may answer.
        media_types: of the answer, when they are others than one JSON object.
        envelope: how this route's API wraps an error.
        ok: what status 200 means.
    """
    content = {JSON: {"schema": _ERRORS[envelope]}}
    declared: Responses = {
        int(status): {"description": _MEANINGS[status], "content": content}
        for status in sorted({*_ALWAYS, *errors})
    }
    declared[200] = {"description": ok}
    if media_types:
        declared[200]["content"] = {media_type: {} for media_type in media_types}
    return declared


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of a body, complete in itself.

    Pydantic points into the schema's own ``$defs``, which is nowhere once it is a part of a description.
    """
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    inlined = _inlined(schema, definitions)
    assert isinstance(inlined, dict)  # noqa: S101 - a schema of an object is one
    return inlined


def _inlined(node: object, definitions: Mapping[str, object]) -> object:
    if isinstance(node, list):
        return [_inlined(part, definitions) for part in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if isinstance(reference, str):
        beside = {key: value for key, value in node.items() if key != "$ref"}
        target = _inlined(definitions[reference.rsplit("/", 1)[-1]], definitions)
        assert isinstance(target, dict)  # noqa: S101 - pydantic defines objects
        return {**target, **beside}
    return {key: _inlined(value, definitions) for key, value in node.items()}


def _object(**properties: object) -> dict[str, object]:
    return {"type": "object", "properties": properties, "required": list(properties)}


_TEXT = {"type": "string"}
_ERRORS: Mapping[Envelope, dict[str, object]] = {
    ollama_error: _object(error=_TEXT),
    openai_error: _object(
        error=_object(message=_TEXT, type=_TEXT, param={"type": ["string", "null"]}, code={})
    ),
    anthropic_error: _object(type={"const": "error"}, error=_object(type=_TEXT, message=_TEXT)),
}
