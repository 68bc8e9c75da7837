"""The route of a chat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Request  # noqa: TC002 - FastAPI reads the annotation
from fastapi.responses import Response  # noqa: TC002 - the same

from axm1_llm.api.bodies import read_body
from axm1_llm.api.declared import JSON, RUNNING, SSE, body, responses
from axm1_llm.api.envelopes import openai_error
from axm1_llm.api.openai.chat.bodies import ChatBody
from axm1_llm.api.openai.chat.dialect import ChatDialect
from axm1_llm.api.openai.chat.request import chat_request
from axm1_llm.api.streaming import AnswerResponse

if TYPE_CHECKING:
    from fastapi import APIRouter

    from axm1_llm.serving.answering import Serving


def add_chat(router: APIRouter, serving: Serving) -> None:
    """Add the route."""

    @router.post(
        "/chat/completions",
        summary="Answer a conversation",
        openapi_extra=body(ChatBody),
        responses=responses(RUNNING, JSON, SSE, envelope=openai_error),
    )
    async def chat(request: Request) -> Response:
        wanted = await read_body(request, ChatBody)
        answer = await serving.answer(chat_request(wanted))
        dialect = ChatDialect(wanted.model, include_usage=wanted.wants_usage)
        return AnswerResponse(answer, dialect, stream=bool(wanted.stream))
