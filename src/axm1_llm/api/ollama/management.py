"""Names for models, and what this service leaves to the descriptor file."""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import APIRouter
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotation
from starlette.responses import Response

from axm1_llm.api.bodies import read_body
from axm1_llm.api.declared import JSON, NDJSON, READING, RUNNING, body, responses
from axm1_llm.api.ollama.bodies import CopyBody, CreateBody, ModelBody
from axm1_llm.api.ollama.templates import check_template
from axm1_llm.descriptors.names import check_name
from axm1_llm.errors import RequestError
from axm1_llm.serving.variants import Variant

if TYPE_CHECKING:
    from axm1_llm.serving.answering import Serving
    from axm1_llm.serving.models import Model, Models

_NO_UPLOAD = (
    "models for this card are compiled on another machine; add a model's folder to the descriptor file"
)
_UNKNOWN_TO_CREATE = {
    "modelfile": "send its lines as from, system, template, parameters and messages",
    "path": "send from, system, template, parameters and messages",
    "files": _NO_UPLOAD,
    "adapters": _NO_UPLOAD,
    "quantize": _NO_UPLOAD,
    "quantization": _NO_UPLOAD,
}


def management_router(serving: Serving) -> APIRouter:
    """The routes that make, remove and would upload models."""
    router = APIRouter()
    _add_variants(router, serving)
    _add_uploads(router)
    return router


def _add_variants(router: APIRouter, serving: Serving) -> None:
    one_at_a_time = asyncio.Semaphore()  # a template that is checked takes a processor for itself

    @router.post(
        "/api/copy",
        summary="Give a model another name",
        openapi_extra=body(CopyBody),
        response_class=Response,
        responses=responses(READING, ok="Done; there is nothing more to say."),
    )
    async def copy(request: Request) -> Response:
        wanted = await read_body(request, CopyBody)
        await serving.models.copy(wanted.source, wanted.destination, time.time())
        return Response()

    @router.post(
        "/api/create",
        summary="Make a variant of a model: another system prompt, other options",
        openapi_extra=body(CreateBody),
        responses=responses(READING, JSON, NDJSON),
    )
    async def create(request: Request) -> Response:
        wanted = await read_body(request, CreateBody)
        if wanted.template:
            async with one_at_a_time:
                await asyncio.to_thread(check_template, wanted.template)
        await serving.models.create(_variant(wanted, serving.models))
        return _success(stream=wanted.stream)

    @router.delete(
        "/api/delete",
        summary="Unload and forget a variant",
        openapi_extra=body(ModelBody),
        response_class=Response,
        responses=responses(RUNNING, ok="Done; there is nothing more to say."),
    )
    async def delete(request: Request) -> Response:
        name = (await read_body(request, ModelBody)).model
        base = await serving.models.delete(name)
        if base is not None:
            await serving.scheduler.unload(base.model_name)
        return Response()


def _add_uploads(router: APIRouter) -> None:
    not_there = responses((HTTPStatus.NOT_IMPLEMENTED,), ok="Never.")

    @router.post("/api/push", summary="Not here", responses=not_there)
    async def push() -> Response:
        raise HTTPException(
            HTTPStatus.NOT_IMPLEMENTED, "push is not supported: there is no registry for models of this card"
        )

    @router.head("/api/blobs/{digest}", include_in_schema=False)
    @router.post("/api/blobs/{digest}", summary="Not here", responses=not_there)
    async def blobs(digest: str) -> Response:
        raise HTTPException(
            HTTPStatus.NOT_IMPLEMENTED, f"blob '{digest[:80]}' is not supported: {_NO_UPLOAD}"
        )


def _variant(wanted: CreateBody, models: Models) -> Variant:
    for field, hint in _UNKNOWN_TO_CREATE.items():
        if (wanted.model_extra or {}).get(field):
            raise RequestError(f"{field} is not supported: {hint}")
    if not wanted.from_:
        raise RequestError("neither 'from' or 'files' was specified; from names the model to start with")
    try:
        name = check_name(wanted.model)
    except ValueError as error:
        raise RequestError(f"invalid model name; expected {error}") from None
    return _over(models.find(wanted.from_), name, wanted)


def _over(source: Model, name: str, wanted: CreateBody) -> Variant:
    """What `wanted` says, and where it says nothing, what `source` has if it is a variant itself."""
    before = source.variant
    given: dict[str, Any] = {
        "system": wanted.system,
        "template": wanted.template or None,
        "messages": [{"role": turn.role, "content": turn.content} for turn in wanted.messages] or None,
        "license": wanted.license or None,
    }
    inherited = before.model_dump() if before else {}
    parameters = wanted.parameters.model_dump(exclude_none=True)
    settings = {**inherited, **{key: value for key, value in given.items() if value is not None}}
    settings["parameters"] = {**inherited.get("parameters", {}), **parameters}
    settings |= {"name": name, "base": source.descriptor.model_name, "created": time.time()}
    try:
        return Variant.model_validate(settings)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RequestError(f"invalid value for {place}: {first['msg']}") from None


def _success(*, stream: bool) -> Response:
    line = orjson.dumps({"status": "success"})
    return Response(line + b"\n", media_type=NDJSON) if stream else Response(line, media_type=JSON)
