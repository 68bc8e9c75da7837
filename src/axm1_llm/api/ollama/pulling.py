"""`/api/pull`: downloads a model of the hub, and tells how far it is."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

import orjson
from fastapi import APIRouter
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotation
from starlette.responses import Response

from axm1_llm.api.bodies import read_body
from axm1_llm.api.declared import JSON, NDJSON, PULLING, body, responses
from axm1_llm.api.errors import error_response
from axm1_llm.api.ollama.bodies import PullBody
from axm1_llm.api.presence import until_left
from axm1_llm.errors import Axm1Error, ModelNotFoundError
from axm1_llm.hub.reference import read_reference
from axm1_llm.hub.staging import read_manifest

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from axm1_llm.hub.pulling import Line
    from axm1_llm.hub.sharing import Pulls, Watching
    from axm1_llm.hub.wanted import Wanted
    from axm1_llm.serving.models import Models

_SUCCESS: Line = {"status": "success"}
_FIRST: Line = {"status": "pulling manifest"}
_OF_OLLAMA = ("status", "digest", "total", "completed")


def pulling_router(models: Models, pulls: Pulls) -> APIRouter:
    """The route that downloads models.

    Args:
        models: what is there already.
        pulls: downloads.
    """
    router = APIRouter()

    @router.post(
        "/api/pull",
        summary="Download a model of the hub, or bring it up to date",
        openapi_extra=body(PullBody),
        responses=responses(PULLING, JSON, NDJSON),
    )
    async def pull(request: Request) -> Response:
        wanted = await read_body(request, PullBody)
        if _is_there(models, wanted.model):
            return _success(stream=wanted.stream)
        pulls.check_allowed()
        return PullResponse(pulls, read_reference(wanted.model), stream=wanted.stream)

    return router


def _is_there(models: Models, name: str) -> bool:
    """Whether a model of that name is there which no hub has to be asked about."""
    try:
        found = models.find(name)
    except ModelNotFoundError as error:
        if type(error) is ModelNotFoundError:
            return False
        raise  # a variant whose base is gone: the hub has no such thing
    return found.variant is not None or not read_manifest(found.descriptor.model_path)


class PullResponse(Response):
    """Owns its part in a download: however the response ends, that is given up.

    Until the hub has said what the model consists of, an error has its HTTP status; after it, it is the
    stream's last line.

    Args:
        pulls: downloads.
        wanted: the model.
        stream: line by line, or only the end.
    """

    def __init__(self, pulls: Pulls, wanted: Wanted, *, stream: bool) -> None:
        super().__init__()
        self._pulls = pulls
        self._wanted = wanted
        self._stream = stream
        self._begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what is said of the download, whatever becomes of it."""
        async with self._pulls.join(self._wanted) as watching:
            watcher = asyncio.create_task(_watch(receive, watching))
            try:
                await self._send(watching, scope, receive, send)
            except Axm1Error as error:
                await self._send_error(error, scope, receive, send)
            finally:
                watcher.cancel()

    async def _send(self, watching: Watching, scope: Scope, receive: Receive, send: Send) -> None:
        async for line in watching.lines():
            if self._stream and line != _FIRST:
                await self._send_line(line, send)
        if self._stream:
            await self._send_line(_SUCCESS, send, more=False)
        else:
            await _success(stream=False)(scope, receive, send)

    async def _send_line(self, line: Line, send: Send, *, more: bool = True) -> None:
        content = _encoded(line)
        if not self._begun:
            self._begun = True
            content = _encoded(_FIRST) + content
            headers = [(b"content-type", NDJSON.encode())]
            await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
        await send({"type": "http.response.body", "body": content, "more_body": more})

    async def _send_error(self, error: Axm1Error, scope: Scope, receive: Receive, send: Send) -> None:
        if self._begun:
            await self._send_line({"error": str(error)}, send, more=False)
        else:
            await error_response(error, scope["path"])(scope, receive, send)


def _encoded(line: Line) -> bytes:
    told = {key: line[key] for key in (*_OF_OLLAMA, "error") if key in line}
    return orjson.dumps(told) + b"\n"


def _success(*, stream: bool) -> Response:
    line = orjson.dumps(_SUCCESS)
    return Response(line + b"\n", media_type=NDJSON) if stream else Response(line, media_type=JSON)


async def _watch(receive: Receive, watching: Watching) -> None:
    await until_left(receive)
    watching.leave()
