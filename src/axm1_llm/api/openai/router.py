"""All routes of OpenAI's API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from axm1_llm.api.openai.chat.route import add_chat
from axm1_llm.api.openai.completions import add_completions
from axm1_llm.api.openai.embeddings import add_embeddings
from axm1_llm.api.openai.listing import add_models
from axm1_llm.api.openai.responses.route import add_responses

if TYPE_CHECKING:
    from axm1_llm.serving.answering import Serving


def openai_router(serving: Serving) -> APIRouter:
    """The routes that OpenAI's clients call."""
    router = APIRouter(prefix="/v1", tags=["OpenAI"])
    add_models(router, serving)
    add_chat(router, serving)
    add_completions(router, serving)
    add_embeddings(router, serving)
    add_responses(router, serving)
    return router
