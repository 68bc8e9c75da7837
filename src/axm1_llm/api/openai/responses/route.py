"""The route of responses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Request  # noqa: TC002 - FastAPI reads the annotation
from fastapi.responses import Response  # noqa: TC002 - the same

from axm1_llm.api.bodies import read_body
from axm1_llm.api.declared import JSON, RUNNING, SSE, body, responses
from axm1_llm.api.envelopes import openai_error
from axm1_llm.api.openai.responses.bodies import ResponsesBody
from axm1_llm.api.openai.responses.dialect import ResponsesDialect
from axm1_llm.api.openai.responses.request import responses_request
from axm1_llm.api.streaming import AnswerResponse

if TYPE_CHECKING:
    from fastapi import APIRouter

    from axm1_llm.serving.answering import Serving


def add_responses(router: APIRouter, serving: Serving) -> None:
    """Add the route."""

    @router.post(
        "/responses",
        summary="Answer an input",
        openapi_extra=body(ResponsesBody),
        responses=responses(RUNNING, JSON, SSE, envelope=openai_error),
    )
    async def respond(request: Request) -> Response:
        wanted = await read_body(request, ResponsesBody)
        answer = await serving.answer(responses_request(wanted))
        return AnswerResponse(answer, ResponsesDialect(wanted), stream=bool(wanted.stream))
