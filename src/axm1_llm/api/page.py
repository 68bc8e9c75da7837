"""The web page, which is open: what it shows needs a key where the service asks for one."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the routes' annotations
from starlette.responses import RedirectResponse, Response

from axm1_llm.api.declared import HTML, responses
from axm1_llm.api.errors import json_error
from axm1_llm.page import START, find

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axm1_llm.page import PageFile

PLACE = "/ui"

# Nothing of another host, no script or style but the page's own files, no foreign page around it.
_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Vary": "Accept-Encoding",
}
_YEAR = 365 * 24 * 3600

_MOVED: dict[str, Any] = {"description": "The page is at /ui/."}
_UNCHANGED: dict[str, Any] = {"description": "What the client has is what there is."}


def page_router() -> APIRouter:
    """The page and its files."""
    router = APIRouter(tags=["Page"])

    @router.head(PLACE, include_in_schema=False)
    @router.get(PLACE, summary="To the web page", responses={**responses(), 307: _MOVED})
    def moved() -> Response:
        return to_page()

    @router.head(f"{PLACE}/", include_in_schema=False)
    @router.get(
        f"{PLACE}/",
        summary="The web page: chat, models, plots, logs",
        responses={**responses((), HTML), 304: _UNCHANGED},
        response_class=Response,
    )
    def page(request: Request) -> Response:
        return _sent(START, request)

    @router.head(f"{PLACE}/assets/{{name}}", include_in_schema=False)
    @router.get(
        f"{PLACE}/assets/{{name}}",
        summary="A file of the web page",
        responses={**responses((HTTPStatus.NOT_FOUND,), "*/*"), 304: _UNCHANGED},
        response_class=Response,
    )
    def file(name: str, request: Request) -> Response:
        return _sent(f"assets/{name}", request)

    return router


def is_page(path: str) -> bool:
    """Whether a path is one of the page's, all of which are open."""
    return path == PLACE or path.startswith(f"{PLACE}/")


def wants_page(request: Request) -> bool:
    """Whether it is a browser that asks, for something to look at: no client of an API takes HTML."""
    return "text/html" in request.headers.get("accept", "")


def to_page() -> Response:
    """Send a browser on, relative to where it is: a proxy may have put a path before it."""
    response = RedirectResponse(PLACE.lstrip("/") + "/", headers={"Vary": "Accept"})
    response.headers["Cache-Control"] = "no-cache"
    return response


def _sent(name: str, request: Request) -> Response:
    found = find(name, request.headers.get("accept-encoding", ""))
    if found is None:
        return json_error(HTTPStatus.NOT_FOUND, "404 page not found", request.url.path)
    headers = _headers_of(found)
    if found.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(found.body, headers=headers, media_type=found.media_type)


def _headers_of(found: PageFile) -> dict[str, str]:
    caching = f"public, max-age={_YEAR}, immutable" if found.is_lasting else "no-cache"
    headers = {**_HEADERS, "ETag": found.etag, "Cache-Control": caching}
    return {**headers, "Content-Encoding": found.coding} if found.coding else headers
