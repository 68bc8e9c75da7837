"""Vectors of texts: `/api/embed`, and `/api/embeddings` before it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import orjson
from fastapi import APIRouter
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotation
from starlette.responses import Response

from axm1_llm.api.bodies import read_body
from axm1_llm.api.declared import JSON, RUNNING, body, responses
from axm1_llm.api.ollama.bodies import EmbedBody, EmbeddingsBody
from axm1_llm.api.presence import while_present
from axm1_llm.errors import RequestError

if TYPE_CHECKING:
    from axm1_llm.serving.answering import Serving


def embeddings_router(serving: Serving) -> APIRouter:
    """The routes that turn texts into vectors."""
    router = APIRouter()

    @router.post(
        "/api/embed",
        summary="Vectors of texts",
        openapi_extra=body(EmbedBody),
        responses=responses(RUNNING),
    )
    async def embed(request: Request) -> Response:
        begun = time.monotonic_ns()
        wanted = await read_body(request, EmbedBody)
        dimensions = wanted.dimensions or None  # 0 is Go's way of saying nothing
        if dimensions is not None and dimensions < 0:
            raise RequestError("dimensions must not be negative")
        work = serving.embed(wanted.model, wanted.input, wanted.keep_alive, dimensions)
        found = await while_present(request, work)
        content = {
            "model": wanted.model,
            "embeddings": found.vectors,
            "total_duration": time.monotonic_ns() - begun,
            "load_duration": 0,
            "prompt_eval_count": found.prompt_tokens,
        }
        return Response(orjson.dumps(content), media_type=JSON)

    @router.post(
        "/api/embeddings",
        summary="The vector of one text; deprecated",
        openapi_extra=body(EmbeddingsBody),
        responses=responses(RUNNING),
    )
    async def embeddings(request: Request) -> Response:
        wanted = await read_body(request, EmbeddingsBody)
        texts = [wanted.prompt] if wanted.prompt else []
        found = await while_present(request, serving.embed(wanted.model, texts, wanted.keep_alive))
        content = {"embedding": found.vectors[0] if found.vectors else []}
        return Response(orjson.dumps(content), media_type=JSON)

    return router
