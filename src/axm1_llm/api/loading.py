"""Load a model, or have it leave, without a prompt: in plain words, beside Ollama's empty prompts."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the routes' annotations

from axm1_llm.api.declared import responses
from axm1_llm.api.presence import while_present
from axm1_llm.api.status import describe
from axm1_llm.durations import EXPECTED_DURATION, parse_keep_alive
from axm1_llm.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axm1_llm.serving.answering import Serving

_ERRORS = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE)

_PARAMETERS: dict[str, Any] = {
    "parameters": [
        {
            "name": "keep_alive",
            "in": "query",
            "description": f"How long it stays if no prompt follows: {EXPECTED_DURATION}; < 0: for ever.",
            "schema": {"type": "string"},
        }
    ]
}


def loading_router(serving: Serving) -> APIRouter:
    """The routes that bring a model up and down."""
    router = APIRouter(tags=["Status"])

    def status_of(model: str) -> dict[str, Any]:
        return describe(serving.scheduler.find(serving.models.find(model).descriptor.model_name).status())

    @router.post(
        "/api/models/{model:path}/load",
        summary="Load a model, also one that failed before; answers its status once it is ready",
        responses=responses(_ERRORS),
        openapi_extra=_PARAMETERS,
    )
    async def load(model: str, request: Request) -> dict[str, Any]:
        await while_present(request, serving.load(model, _keep_alive(request.query_params)))
        return status_of(model)

    @router.post(
        "/api/models/{model:path}/unload",
        summary="Have a model leave the card, after the prompt in hand; answers its status once it is gone",
        responses=responses((HTTPStatus.NOT_FOUND,)),
    )
    async def unload(model: str) -> dict[str, Any]:
        await serving.unload(model)
        return status_of(model)

    return router


def _keep_alive(query: Mapping[str, str]) -> float | None:
    given = query.get("keep_alive")
    if given is None:
        return None
    try:
        return parse_keep_alive(given)
    except ValueError as error:
        raise RequestError(f"invalid keep_alive: {error}") from None
