"""Ollama's dialect: `/api/generate`, `/api/tags`, `/api/version`, `/`."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotation

from axm1_llm import __version__
from axm1_llm.api.bodies import read_body
from axm1_llm.api.errors import error_text
from axm1_llm.api.ollama_bodies import GenerateBody, Options
from axm1_llm.api.streaming import AnswerResponse
from axm1_llm.api.wire import rfc3339
from axm1_llm.errors import RequestError
from axm1_llm.serving import request as wanted
from axm1_llm.tokenizer.prompts import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axm1_llm.descriptors import ModelDescriptor
    from axm1_llm.engine import Delta, Summary
    from axm1_llm.errors import Axm1Error
    from axm1_llm.serving.answering import Serving

_GENERATE_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": GenerateBody.model_json_schema()}},
    }
}


def ollama_router(serving: Serving) -> APIRouter:
    """The routes that Ollama's clients call."""
    router = APIRouter(tags=["Ollama"])

    @router.head("/", include_in_schema=False)
    @router.get("/", response_class=PlainTextResponse, summary="Whether it runs")
    async def root() -> PlainTextResponse:
        # The words of Ollama: uptime checks and n8n's credential test look for 200 here.
        return PlainTextResponse("Ollama is running")

    @router.head("/api/version", include_in_schema=False)
    @router.get("/api/version", summary="The version, dotted numbers only")
    async def version() -> dict[str, str]:
        return {"version": __version__}

    @router.head("/api/tags", include_in_schema=False)
    @router.get("/api/tags", summary="The models of the descriptor")
    async def tags() -> dict[str, Any]:
        # In a thread: it looks at every file of every model's folder.
        models = [engine.descriptor for engine in serving.scheduler.engines]
        return {"models": await asyncio.to_thread(lambda: [_tag(model) for model in models])}

    @router.post("/api/generate", summary="Answer a prompt", openapi_extra=_GENERATE_BODY)
    async def generate(request: Request) -> Response:
        body = await read_body(request, GenerateBody)
        if not body.prompt:
            return await _load_or_unload(serving, body)
        answer = await serving.answer(generate_request(body))
        return AnswerResponse(answer, GenerateDialect(body.model), stream=body.stream is not False)

    return router


async def _load_or_unload(serving: Serving, body: GenerateBody) -> Response:
    unload = body.keep_alive == 0
    if unload:
        await serving.unload(body.model)
    else:
        await serving.load(body.model, body.keep_alive)
    content = {
        "model": body.model,
        "created_at": rfc3339(),
        "response": "",
        "done": True,
        "done_reason": "unload" if unload else "load",
    }
    return Response(orjson.dumps(content), media_type="application/json; charset=utf-8")


def generate_request(body: GenerateBody) -> wanted.Request:
    """The request free of the dialect.

    Raises:
        RequestError: two fields contradict each other.
    """
    if body.raw and (body.template or body.system or body.context):
        raise RequestError("raw mode does not support template, system, or context")
    system = (Message("system", body.system),) if body.system else ()
    return wanted.Request(
        model=body.model,
        messages=() if body.raw else (*system, Message("user", body.prompt)),
        raw=body.prompt if body.raw else None,
        think=body.think,
        options=_options(body.options or Options()),
        keep_alive=body.keep_alive,
        truncate=body.truncate is not False,
        template=body.template or None,
        suffix=body.suffix,
    )


def _options(options: Options) -> wanted.Options:
    sampling = options.model_dump(exclude={"num_predict", "stop", "num_ctx"}, exclude_none=True)
    stops = None if options.stop is None else tuple(options.stop)
    return wanted.Options(options.num_predict, stops, sampling)


def _tag(descriptor: ModelDescriptor) -> dict[str, Any]:
    details = {
        "parent_model": "",
        "format": "axmodel",
        "family": "",
        "families": [],
        "parameter_size": "",
        "quantization_level": "",
        **descriptor.details,
    }
    try:
        modified, size = descriptor.model_path.stat().st_mtime, _folder_size(descriptor)
    except OSError:
        modified, size = 0.0, 0
    return {
        "name": descriptor.model_name,
        "model": descriptor.model_name,
        "modified_at": rfc3339(modified),
        "size": size,
        # No client compares it with a file; it has to be there, and to change when the description does.
        "digest": hashlib.sha256(descriptor.model_dump_json().encode()).hexdigest(),
        "details": details,
        "capabilities": list(descriptor.capabilities),
    }


def _folder_size(descriptor: ModelDescriptor) -> int:
    return sum(path.stat().st_size for path in descriptor.model_path.rglob("*") if path.is_file())


@dataclass(slots=True)
class GenerateDialect:
    """`/api/generate` on the wire: NDJSON, or one object.

    Attributes:
        model: the name as the client wrote it.
    """

    model: str
    media_type: str = "application/x-ndjson"

    def begin(self, _: int | None) -> bytes:
        """Nothing."""
        return b""

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """A line for each token; those that came together share one time."""
        head = {"model": self.model, "created_at": rfc3339()}
        return b"".join(orjson.dumps({**head, **_texts(delta), "done": False}) + b"\n" for delta in deltas)

    def end(self, summary: Summary) -> bytes:
        """The line with the figures."""
        return orjson.dumps(self._last("", "", summary)) + b"\n"

    def error(self, error: Axm1Error) -> bytes:
        """The line that ends a stream that failed; the status was sent long ago."""
        return orjson.dumps({"error": error_text(error)}) + b"\n"

    def whole(self, deltas: Sequence[Delta], summary: Summary) -> bytes:
        """The answer as one object."""
        text = "".join(delta.text for delta in deltas)
        return orjson.dumps(self._last(text, "".join(delta.thinking for delta in deltas), summary))

    def _last(self, text: str, thinking: str, summary: Summary) -> dict[str, Any]:
        return {
            "model": self.model,
            "created_at": rfc3339(),
            "response": text,
            **({"thinking": thinking} if thinking else {}),
            "done": True,
            "done_reason": summary.done_reason.value,
            "total_duration": summary.total,
            "load_duration": summary.load,
            "prompt_eval_count": summary.prompt_tokens,
            "prompt_eval_duration": summary.prefill,
            "eval_count": summary.generated_tokens,
            "eval_duration": summary.decode,
        }


def _texts(delta: Delta) -> dict[str, str]:
    return {"response": delta.text, **({"thinking": delta.thinking} if delta.thinking else {})}
