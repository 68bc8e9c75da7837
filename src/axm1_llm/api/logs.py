"""What the runtime of a model printed last, and what it prints now."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the routes' annotations
from starlette.responses import PlainTextResponse, Response

from axm1_llm.api.declared import LOOKING, TEXT, responses
from axm1_llm.api.presence import until_left
from axm1_llm.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from starlette.types import Receive, Scope, Send

    from axm1_llm.engine.log import RuntimeLog
    from axm1_llm.serving.answering import Serving

_LINES = 50
_TRUTH: Mapping[str, bool] = {"1": True, "true": True, "0": False, "false": False}
_MOST_DIGITS = 9

_PARAMETERS: dict[str, Any] = {
    "parameters": [
        {
            "name": "lines",
            "in": "query",
            "description": "How many of the last lines; at most those that are kept.",
            "schema": {"type": "integer", "minimum": 0, "maximum": 10**_MOST_DIGITS - 1, "default": _LINES},
        },
        {
            "name": "follow",
            "in": "query",
            "description": "Go on with further lines as they come, until the client leaves.",
            "schema": {"enum": sorted(_TRUTH), "default": "0"},
        },
    ]
}


def logs_router(serving: Serving) -> APIRouter:
    """The route for what runtimes print."""
    router = APIRouter(tags=["Status"])

    @router.get(
        "/api/logs/{model:path}",
        summary="The last lines that the model's runtime printed, also before it left or failed",
        responses=responses((HTTPStatus.BAD_REQUEST, *LOOKING), TEXT, ok="One line each."),
        openapi_extra=_PARAMETERS,
        response_class=Response,
    )
    async def log_lines(model: str, request: Request) -> Response:
        found = serving.models.find(model).descriptor.model_name
        log = serving.scheduler.find(found).log
        count = _lines_of(request.query_params)
        if _follows(request.query_params):
            return _Following(log, count, serving.scheduler.until_leaving)
        return PlainTextResponse(_text(log.last(count)))

    return router


def _lines_of(query: Mapping[str, str]) -> int:
    given = query.get("lines", str(_LINES))
    if not (given.isascii() and given.isdigit() and len(given) <= _MOST_DIGITS):
        raise RequestError("invalid lines: expected a number such as 50, not negative")
    return int(given)


def _follows(query: Mapping[str, str]) -> bool:
    follows = _TRUTH.get(query.get("follow", "0"))
    if follows is None:
        raise RequestError("invalid follow: expected 1 or 0")
    return follows


class _Following(Response):
    """The last lines, then each further one as it comes, until the client leaves or the service does."""

    def __init__(self, log: RuntimeLog, count: int, until_leaving: Callable[[], Awaitable[None]]) -> None:
        super().__init__(media_type=TEXT)
        self._log = log
        self._count = count
        self._until_leaving = until_leaving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's
        """Send them."""
        headers = [(key, value) for key, value in self.raw_headers if key != b"content-length"]
        await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
        following, *ends = (
            asyncio.ensure_future(each)
            for each in (self._follow(send), until_left(receive), self._until_leaving())
        )
        try:
            await asyncio.wait((following, *ends), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (following, *ends):
                task.cancel()
        if following.done():
            following.result()  # it ends by itself only when the lines could not be sent
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _follow(self, send: Send) -> None:
        lines, seen = self._log.last(self._count), self._log.end
        while True:
            await send({"type": "http.response.body", "body": _text(lines).encode(), "more_body": True})
            # What came while the client read slowly is there at once, as far as it is still kept.
            lines = await self._log.since(seen)
            seen = self._log.end


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
