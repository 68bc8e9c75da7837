"""`/v1/embeddings`: texts → vectors."""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING, Literal

import orjson
from fastapi import Request  # noqa: TC002 - FastAPI reads the annotation
from fastapi.responses import Response
from pydantic import Field

from axm1_llm.api.bodies import read_body
from axm1_llm.api.declared import JSON, RUNNING, body, responses
from axm1_llm.api.envelopes import openai_error
from axm1_llm.api.fields import StrictBody, Texts
from axm1_llm.api.presence import while_present
from axm1_llm.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import APIRouter

    from axm1_llm.serving.answering import Serving
    from axm1_llm.serving.embedding import Embeddings


class EmbeddingsBody(StrictBody):
    """The body of `POST /v1/embeddings`."""

    model: str = Field(min_length=1, description="The model's name or an alias.")
    input: Texts = Field(description="One text or several; no token ids.")
    encoding_format: Literal["float", "base64"] | None = Field(
        default=None, description="base64: 32-bit floats, little-endian."
    )
    dimensions: int | None = Field(default=None, ge=1, description="Cut the vectors to this length.")


def add_embeddings(router: APIRouter, serving: Serving) -> None:
    """Add the route."""

    @router.post(
        "/embeddings",
        summary="Embed texts",
        openapi_extra=body(EmbeddingsBody),
        responses=responses(RUNNING, JSON, envelope=openai_error),
    )
    async def embeddings(request: Request) -> Response:
        given = await read_body(request, EmbeddingsBody)
        if not given.input:
            raise RequestError("input is empty")
        work = serving.embed(given.model, given.input, dimensions=given.dimensions)
        found = await while_present(request, work)
        return Response(_answer(given, found), media_type="application/json")


def _answer(given: EmbeddingsBody, found: Embeddings) -> bytes:
    encoded = _in_base64 if given.encoding_format == "base64" else tuple
    data = [
        {"object": "embedding", "index": index, "embedding": encoded(vector)}
        for index, vector in enumerate(found.vectors)
    ]
    usage = {"prompt_tokens": found.prompt_tokens, "total_tokens": found.prompt_tokens}
    return orjson.dumps({"object": "list", "data": data, "model": given.model, "usage": usage})


def _in_base64(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
