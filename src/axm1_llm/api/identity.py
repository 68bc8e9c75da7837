"""A name for each request: returned as ``X-Request-Id``, and in each log line of that request."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from structlog.contextvars import bound_contextvars

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID = "X-Request-Id"
TRACE_PARENT = "traceparent"

# Printable ASCII without spaces: what a client chose ends in logs, and must not write lines of its own there.
_HARMLESS = re.compile(r"[!-~]{1,128}")
_BYTES = 8

# https://www.w3.org/TR/trace-context/: version, trace, parent span, flags; zeros mean none.
_TRACE = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class RequestIdentity:
    """Gives each request a name of its own, or lets it have the one that its client chose.

    It must be the outermost: then also what the framework itself answers, such as 500, has the name.

    Args:
        app: what stands behind.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, under its name."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = _name_of(scope)

        # No coroutine of its own: it is called for each token of a stream.
        def named(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), header]}
            return send(message)

        header = (REQUEST_ID.lower().encode(), name.encode())
        with bound_contextvars(request_id=name, **_trace_of(scope)):
            await self._app(scope, receive, named)


def _name_of(scope: Scope) -> str:
    """The client's name for its request if it is harmless, else a new one: 16 hex digits."""
    given = Headers(scope=scope).get(REQUEST_ID, "")
    return given if _HARMLESS.fullmatch(given) else secrets.token_hex(_BYTES)


def _trace_of(scope: Scope) -> dict[str, str]:
    """The trace that the request is a part of, for its spans and its log lines; a malformed one is none."""
    given = Headers(scope=scope).get(TRACE_PARENT, "")
    return {TRACE_PARENT: given} if _TRACE.fullmatch(given) else {}
