"""Answers: `/api/generate` and `/api/chat`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotation
from starlette.responses import Response

from axm1_llm.api.bodies import read_body
from axm1_llm.api.declared import JSON, NDJSON, RUNNING, body, responses
from axm1_llm.api.ollama.bodies import ChatBody, GenerateBody
from axm1_llm.api.ollama.dialects import ChatDialect, GenerateDialect
from axm1_llm.api.ollama.requests import chat_request, generate_request, last_pictures
from axm1_llm.api.presence import while_present
from axm1_llm.api.streaming import AnswerResponse
from axm1_llm.errors import UnsupportedError
from axm1_llm.serving.abilities import COMPLETION, VISION

if TYPE_CHECKING:
    from axm1_llm.serving.answering import Serving


def answering_router(serving: Serving) -> APIRouter:
    """The routes that make a model answer."""
    router = APIRouter()

    @router.post(
        "/api/generate",
        summary="Answer a prompt",
        openapi_extra=body(GenerateBody),
        responses=responses(RUNNING, JSON, NDJSON),
    )
    async def generate(request: Request) -> Response:
        wanted = await read_body(request, GenerateBody)
        dialect = GenerateDialect(wanted.model)
        if not wanted.prompt:
            return await _load_or_unload(request, serving, wanted, dialect)
        await _check(serving, wanted, "generate", pictures=bool(wanted.images))
        answer = await serving.answer(generate_request(wanted))
        return AnswerResponse(answer, dialect, stream=wanted.stream)

    @router.post(
        "/api/chat",
        summary="Answer a conversation",
        openapi_extra=body(ChatBody),
        responses=responses(RUNNING, JSON, NDJSON),
    )
    async def chat(request: Request) -> Response:
        wanted = await read_body(request, ChatBody)
        dialect = ChatDialect(wanted.model)
        if not wanted.messages:
            return await _load_or_unload(request, serving, wanted, dialect)
        await _check(serving, wanted, "chat", pictures=last_pictures(wanted) is not None)
        answer = await serving.answer(chat_request(wanted))
        return AnswerResponse(answer, dialect, stream=wanted.stream)

    return router


async def _load_or_unload(
    request: Request,
    serving: Serving,
    wanted: GenerateBody | ChatBody,
    dialect: GenerateDialect | ChatDialect,
) -> Response:
    """One object, also for who wants a stream: there is nothing to stream."""
    if wanted.keep_alive == 0:
        await serving.unload(wanted.model)
    else:
        await while_present(request, serving.load(wanted.model, wanted.keep_alive))
    reason = "unload" if wanted.keep_alive == 0 else "load"
    return Response(dialect.silent(reason), media_type="application/json; charset=utf-8")


async def _check(serving: Serving, wanted: GenerateBody | ChatBody, task: str, *, pictures: bool) -> None:
    """Refuse what only this dialect names, and pictures before they are decoded.

    Raises:
        ModelNotFoundError: there is no such model.
        UnsupportedError: the model cannot do that; the words are Ollama's.
    """
    model = serving.models.find(wanted.model)
    able = (await serving.abilities.of(model.descriptor, model.template)).names
    lacking = [
        word
        for word, asked, there in (
            (task, True, COMPLETION in able),
            ("vision", pictures, VISION in able),
            ("logprobs", wanted.logprobs, False),
        )
        if asked and not there
    ]
    if lacking:
        raise UnsupportedError(f'"{wanted.model}" does not support {lacking[0]}')
