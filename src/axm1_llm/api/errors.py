"""Domain errors → HTTP: one table, resolved along the class tree."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

import orjson
import structlog
from starlette.responses import Response

from axm1_llm.api.envelopes import envelope_of
from axm1_llm.errors import (
    Axm1Error,
    BusyError,
    ModelError,
    ModelNotFoundError,
    ModelUnavailableError,
    NoSpaceError,
    NotOnHubError,
    PullError,
    PullNotAllowedError,
    RequestCancelledError,
    RequestError,
    RequestTooLargeError,
    StructuredOutputError,
)
from axm1_llm.runtime.explaining import explaining

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

# nginx's and Ollama's number for a client that went away; no client sees it, the logs do.
_CLIENT_CLOSED_REQUEST = 499
_RETRY_SECONDS = "5"

_STATUS: Mapping[type[Axm1Error], int] = {
    RequestError: HTTPStatus.BAD_REQUEST,
    RequestTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ModelNotFoundError: HTTPStatus.NOT_FOUND,
    RequestCancelledError: _CLIENT_CLOSED_REQUEST,
    PullError: HTTPStatus.BAD_GATEWAY,
    NotOnHubError: HTTPStatus.NOT_FOUND,
    PullNotAllowedError: HTTPStatus.FORBIDDEN,
    NoSpaceError: HTTPStatus.INSUFFICIENT_STORAGE,
    BusyError: HTTPStatus.SERVICE_UNAVAILABLE,
    ModelUnavailableError: HTTPStatus.INTERNAL_SERVER_ERROR,
    # No 5xx: OpenAI's clients ask again by themselves after one, and each time is several generations.
    StructuredOutputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ModelError: HTTPStatus.INTERNAL_SERVER_ERROR,
    Axm1Error: HTTPStatus.INTERNAL_SERVER_ERROR,
}


def status_of(error: Axm1Error) -> int:
    """The HTTP status for `error`: the row of the nearest class it has."""
    return next(_STATUS[cls] for cls in type(error).__mro__ if cls in _STATUS)


def error_text(error: Axm1Error) -> str:
    """What a client is told: the error, and those of the runtime's last lines that explain it."""
    if not isinstance(error, ModelError):
        return str(error)
    telling = [line for line in explaining(error.log_tail) if line not in error.reason]
    return f"{error}; the runtime said: {' | '.join(telling)}" if telling else str(error)


def error_response(error: Axm1Error, path: str) -> Response:
    """`error` as the clients of `path` expect one."""
    headers = {"Retry-After": _RETRY_SECONDS} if isinstance(error, BusyError) else None
    return json_error(status_of(error), error_text(error), path, headers)


def json_error(status: int, text: str, path: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error in the envelope of the API that `path` belongs to."""
    body = orjson.dumps(envelope_of(path)(status, text))
    return Response(body, status, headers, media_type="application/json")


async def answer_domain_error(request: Request, error: Exception) -> Response:
    """Handle an `Axm1Error` that a route let through."""
    assert isinstance(error, Axm1Error)  # noqa: S101 - registered for that class only
    return error_response(error, request.url.path)


async def answer_http_error(request: Request, error: Exception) -> Response:
    """Put the framework's own errors (404, 405) into the envelope."""
    status = getattr(error, "status_code", HTTPStatus.INTERNAL_SERVER_ERROR)
    headers = getattr(error, "headers", None)
    text = {
        HTTPStatus.NOT_FOUND: "404 page not found",
        HTTPStatus.METHOD_NOT_ALLOWED: "405 method not allowed",
    }.get(status, str(getattr(error, "detail", "internal error")))
    return json_error(status, text, request.url.path, headers)


async def answer_defect(request: Request, error: Exception) -> Response:
    """Answer what no one expected; the log has the details, the client none of the prompt."""
    structlog.get_logger().error("defect", exc_info=error)
    text = "internal error; see the service's log"
    return json_error(HTTPStatus.INTERNAL_SERVER_ERROR, text, request.url.path)
