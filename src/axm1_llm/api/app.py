"""The llm-service's application: routes, errors, start and end."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from axm1_llm import __version__
from axm1_llm.api.access import LOCAL_ORIGINS, AllowedOrigins, LocalHosts, RequireKey
from axm1_llm.api.anthropic.router import anthropic_router
from axm1_llm.api.declared import describe_bodies
from axm1_llm.api.errors import answer_defect, answer_domain_error, answer_http_error
from axm1_llm.api.identity import REQUEST_ID, RequestIdentity
from axm1_llm.api.loading import loading_router
from axm1_llm.api.logs import logs_router
from axm1_llm.api.ollama import ollama_router
from axm1_llm.api.openai.router import openai_router
from axm1_llm.api.page import page_router
from axm1_llm.api.status import status_router
from axm1_llm.errors import Axm1Error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.types import ASGIApp

    from axm1_llm.hub.sharing import Pulls
    from axm1_llm.metrics import Metrics
    from axm1_llm.serving.answering import Serving


class _Application(FastAPI):
    def build_middleware_stack(self) -> ASGIApp:
        # `add_middleware` would put it inside the part that answers defects, whose 500 would have no name.
        return RequestIdentity(super().build_middleware_stack())

    def openapi(self) -> dict[str, Any]:
        return describe_bodies(super().openapi())


def build_app(
    serving: Serving,
    metrics: Metrics,
    pulls: Pulls,
    *,
    api_keys: Sequence[str] = (),
    origins: Sequence[str] = (),
    loopback: bool = False,
    open_metrics: bool = False,
) -> FastAPI:
    """The application; its lifespan starts and closes the scheduler.

    Args:
        serving: answers requests.
        metrics: the figures.
        pulls: downloads of models.
        api_keys: what clients must send one of; with none, everybody may call.
        origins: web pages that may call, besides those of this machine; `*` for all.
        loopback: the service listens on a loopback address: requests for other hosts are refused.
        open_metrics: `/metrics` needs no key.
    """
    scheduler = serving.scheduler

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        scheduler.start()
        metrics.start()
        try:
            yield
        finally:
            await pulls.aclose()
            await scheduler.close()
            await metrics.aclose()

    app = _Application(
        title="axm1-llm",
        version=__version__,
        summary="Language models on the AX-M1 card, with the APIs of Ollama.",
        lifespan=lifespan,
        # The pages that FastAPI offers load their scripts from another host.
        docs_url=None,
        redoc_url=None,
    )
    app.include_router(ollama_router(serving, pulls))
    app.include_router(openai_router(serving))
    app.include_router(anthropic_router(serving))
    app.include_router(status_router(serving, metrics))
    app.include_router(loading_router(serving))
    app.include_router(logs_router(serving))
    app.include_router(page_router())
    if api_keys:
        app.add_middleware(RequireKey, keys=api_keys, open_metrics=open_metrics)
    _guard(app, origins, loopback=loopback)
    app.add_exception_handler(Axm1Error, answer_domain_error)
    app.add_exception_handler(HTTPException, answer_http_error)
    app.add_exception_handler(Exception, answer_defect)
    return app


def _guard(app: FastAPI, origins: Sequence[str], *, loopback: bool) -> None:
    """Put what keeps foreign web pages out around the rest; what is added last stands outermost."""
    app.add_middleware(AllowedOrigins, origins=origins)
    # Outermost: a browser asks for leave before it sends a key.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_origin_regex=LOCAL_ORIGINS,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=[REQUEST_ID],
    )
    if loopback:
        app.add_middleware(LocalHosts)
