"""Bodies and replies of the tokenizer-service: what it reads, and what it says when it cannot."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from axm1_llm.errors import (
    Axm1Error,
    ModelNotFoundError,
    PromptTooLongError,
    RequestError,
    RequestTooLargeError,
    ShuttingDownError,
    TokenizerError,
)
from axm1_llm.tokenizer.prompts import PromptSpec  # noqa: TC001 - pydantic reads the annotation

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request

    Handler = Callable[[Request], Awaitable[Response]]

# Reading it holds up the gateways, which a runtime waits for one second; no context holds a tenth of it.
_MOST_BODY = 8 * 1024 * 1024

# The row of the nearest class that an error has: what the llm-service knows it by, and the status.
_ROWS: Mapping[type[Axm1Error], tuple[str, HTTPStatus]] = {
    PromptTooLongError: ("prompt_too_long", HTTPStatus.BAD_REQUEST),
    RequestTooLargeError: ("too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    RequestError: ("request", HTTPStatus.BAD_REQUEST),
    ModelNotFoundError: ("model_not_found", HTTPStatus.NOT_FOUND),
    ShuttingDownError: ("leaving", HTTPStatus.SERVICE_UNAVAILABLE),
    Axm1Error: ("tokenizer", HTTPStatus.SERVICE_UNAVAILABLE),
}


@dataclass(frozen=True, slots=True)
class Asking:
    """The body of ``POST /internal/templates`` and ``POST /internal/starts``."""

    model: str


@dataclass(frozen=True, slots=True)
class Opening:
    """The body of ``POST /internal/tickets`` and ``POST /internal/counts``."""

    model: str
    spec: PromptSpec


@dataclass(frozen=True, slots=True)
class Closing:
    """The body of ``POST /internal/tickets/{ticket}/close``."""

    printed: int
    held: int | None = None
    remaining: int | None = None


def reply(content: Mapping[str, object], status_code: int = 200) -> Response:
    """`content` as JSON."""
    return Response(orjson.dumps(content), status_code, media_type="application/json")


def guarded(handle: Handler) -> Handler:
    """Turn errors into replies; the one table of this service."""

    async def answered(request: Request) -> Response:
        try:
            return await handle(request)
        except Axm1Error as error:
            return _refusal(error)

    return answered


async def body_of(request: Request) -> bytes:
    """The whole body.

    Raises:
        RequestTooLargeError: it has more bytes than any prompt.
    """
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > _MOST_BODY:
            raise RequestTooLargeError(f"the prompt has more than {_MOST_BODY} bytes; shorten it")
        chunks.append(chunk)
    return b"".join(chunks)


def read_body(adapter: TypeAdapter[Any], body: bytes) -> Any:  # noqa: ANN401 - what the adapter makes
    """The body as what the adapter makes of it.

    Raises:
        RequestError: it does not fit; the text names the place and quotes nothing.
    """
    try:
        # Pydantic's own parser keeps up to 16,384 of the short texts that it has read: prompts, and 2 MB.
        return adapter.validate_python(orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise RequestError(f"the request is no JSON: {error}") from None
    except ValidationError as error:
        # Not the whole error: it quotes its input, which is a prompt.
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RequestError(f"the request's '{where}': {first['msg']}") from None


def _refusal(error: Axm1Error) -> Response:
    code, status = next(_ROWS[cls] for cls in type(error).__mro__ if cls in _ROWS)
    more: dict[str, object] = {}
    if isinstance(error, PromptTooLongError):
        more = {"tokens": error.tokens, "limit": error.limit}
    elif isinstance(error, TokenizerError):
        more = {"reason": error.reason, "log": list(error.log_tail)}
    return reply({"error": str(error), "code": code, **more}, status)
