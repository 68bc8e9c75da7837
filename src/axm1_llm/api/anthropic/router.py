"""All routes of Anthropic's API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import Response  # noqa: TC002 - FastAPI reads the annotation

from axm1_llm.api.anthropic.bodies import CountBody, MessagesBody
from axm1_llm.api.anthropic.dialect import MessagesDialect
from axm1_llm.api.anthropic.request import messages_request, prompt_request
from axm1_llm.api.bodies import read_body
from axm1_llm.api.declared import JSON, RUNNING, SSE, body, responses
from axm1_llm.api.envelopes import anthropic_error
from axm1_llm.api.streaming import AnswerResponse

if TYPE_CHECKING:
    from axm1_llm.serving.answering import Serving


def anthropic_router(serving: Serving) -> APIRouter:
    """The routes that Anthropic's clients call."""
    router = APIRouter(prefix="/v1/messages", tags=["Anthropic"])

    @router.post(
        "",
        summary="Answer messages",
        openapi_extra=body(MessagesBody),
        responses=responses(RUNNING, JSON, SSE, envelope=anthropic_error),
    )
    async def messages(request: Request) -> Response:
        wanted = await read_body(request, MessagesBody)
        answer = await serving.answer(messages_request(wanted))
        return AnswerResponse(answer, MessagesDialect(wanted.model), stream=bool(wanted.stream))

    @router.post(
        "/count_tokens",
        summary="Count the tokens of messages",
        openapi_extra=body(CountBody),
        responses=responses(RUNNING, envelope=anthropic_error, ok="How many tokens the prompt has."),
    )
    async def count_tokens(request: Request) -> dict[str, int]:
        wanted = await read_body(request, CountBody)
        return {"input_tokens": await serving.count_tokens(prompt_request(wanted))}

    return router
