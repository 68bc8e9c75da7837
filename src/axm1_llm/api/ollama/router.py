"""All routes that Ollama's clients call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the routes' annotations

from axm1_llm import __version__
from axm1_llm.api.declared import TEXT, responses
from axm1_llm.api.ollama.answering import answering_router
from axm1_llm.api.ollama.embeddings import embeddings_router
from axm1_llm.api.ollama.listing import listing_router
from axm1_llm.api.ollama.management import management_router
from axm1_llm.api.ollama.pulling import pulling_router
from axm1_llm.api.ollama.show import show_router
from axm1_llm.api.page import to_page, wants_page

if TYPE_CHECKING:
    from axm1_llm.hub.sharing import Pulls
    from axm1_llm.serving.answering import Serving

# A release of Ollama whose API is spoken here. Clients refuse servers that they take for older ones: GitHub
# Copilot everything below 0.6.4. Dotted numbers only: Open WebUI calls int() on each.
_OLLAMA_VERSION = "0.14.0"


def ollama_router(serving: Serving, pulls: Pulls) -> APIRouter:
    """The routes of Ollama's API; see `build_app` for the arguments."""
    router = APIRouter(tags=["Ollama"])

    @router.head("/", include_in_schema=False)
    @router.get(
        "/",
        response_class=PlainTextResponse,
        summary="Whether it runs; a browser is sent to the web page",
        responses={**responses((), TEXT), 307: {"description": "To the web page, for a browser."}},
    )
    async def root(request: Request) -> Response:
        if wants_page(request):
            return to_page()
        # The words of Ollama: uptime checks and n8n's credential test look for 200 here.
        return PlainTextResponse("Ollama is running", headers={"Vary": "Accept"})

    @router.head("/api/version", include_in_schema=False)
    @router.get("/api/version", summary="The versions: Ollama's, and this one's", responses=responses())
    async def version() -> dict[str, str]:
        return {"version": _OLLAMA_VERSION, "axm1_llm": __version__}

    parts = (answering_router, listing_router, show_router, management_router, embeddings_router)
    for part in parts:
        router.include_router(part(serving))
    router.include_router(pulling_router(serving.models, pulls))
    return router
