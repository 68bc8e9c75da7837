"""The tokenizer-service's HTTP API: status for all, starting for this machine, prompts for the llm-service.

Plain Starlette: with one model loaded the whole process stays under 70 MB, which FastAPI would exceed.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import os
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from axm1_llm.errors import (
    Axm1Error,
    ModelNotFoundError,
    PromptTooLongError,
    RequestError,
    RequestTooLargeError,
    ShuttingDownError,
    TokenizerError,
)
from axm1_llm.tokenizer import status
from axm1_llm.tokenizer.builtin import chat_template
from axm1_llm.tokenizer.client import TOKEN_HEADER
from axm1_llm.tokenizer.files import TokenizerFilesError
from axm1_llm.tokenizer.prompts import PromptSpec  # noqa: TC001 - pydantic reads the annotation
from axm1_llm.tokenizer.roster import Roster
from axm1_llm.tokenizer.tickets import TicketBook
from axm1_llm.tokenizer.tokenizer import ModelTokenizer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from starlette.requests import Request

    from axm1_llm.descriptors import ModelDescriptor

_START = 30.0
# Reading it holds up the gateways, which a runtime waits for one second; no context holds a tenth of it.
_MOST_BODY = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Asking:
    """The body of ``POST /internal/templates`` and ``POST /internal/starts``."""

    model: str


@dataclass(frozen=True, slots=True)
class _Opening:
    """The body of ``POST /internal/tickets`` and ``POST /internal/counts``."""

    model: str
    spec: PromptSpec


@dataclass(frozen=True, slots=True)
class _Closing:
    """The body of ``POST /internal/tickets/{ticket}/close``."""

    printed: int
    held: int | None = None
    remaining: int | None = None


async def _nothing() -> None:
    """No descriptor file stands behind the models."""


class TokenizerService:
    """The tokenizers of all models, and the handlers of the HTTP API.

    Args:
        models: their descriptors.
        token: what the llm-service sends along.
        host: where the gateways listen.
        environ: the environment for tokenizer scripts.
        read_again: reads the descriptor file, which the llm-service may have done a moment earlier.
    """

    def __init__(
        self,
        models: Sequence[ModelDescriptor],
        token: str,
        host: str,
        environ: Mapping[str, str],
        read_again: Callable[[], Awaitable[object]] = _nothing,
    ) -> None:
        self._token = token
        self._read_again = read_again
        self._leaving = False
        self._tickets = TicketBook()
        self._asking = TypeAdapter(_Asking)
        self._opening = TypeAdapter(_Opening)
        self._closing = TypeAdapter(_Closing)
        self._roster = Roster(
            models, self._tickets, lambda model: ModelTokenizer(model, self._tickets, host, environ)
        )

    def apply(self, models: Sequence[ModelDescriptor]) -> None:
        """The descriptor file says this now."""
        self._roster.apply(models)

    async def leave(self) -> None:
        """Take no more prompts; return as soon as those that it has taken are answered."""
        self._leaving = True
        await self._tickets.empty()

    async def aclose(self) -> None:
        """Stop every tokenizer and close every gateway."""
        await self._roster.aclose()

    def routes(self) -> list[Route]:
        """The HTTP API."""
        return [
            Route("/", _root),
            Route("/health", _root),
            Route("/api/status", self._statuses),
            Route("/api/status/{model:path}/history", self._told(status.history)),
            Route("/api/status/{model:path}", self._told(status.status)),
            Route(
                "/api/start/{model:path}",
                _guarded(self._local(self._staying(self._start))),
                methods=["POST"],
            ),
            Route("/api/stop/{model:path}", _guarded(self._internal(self._stop)), methods=["POST"]),
            Route(
                "/internal/starts",
                _guarded(self._internal(self._staying(self._start_anew))),
                methods=["POST"],
            ),
            Route("/internal/templates", _guarded(self._internal(self._template)), methods=["POST"]),
            Route("/internal/counts", _guarded(self._internal(self._count)), methods=["POST"]),
            Route("/internal/tickets", _guarded(self._internal(self._staying(self._open))), methods=["POST"]),
            Route(
                "/internal/tickets/{ticket}/close", _guarded(self._internal(self._close)), methods=["POST"]
            ),
        ]

    async def _statuses(self, _: Request) -> Response:
        return _json({"models": [status.summary(tokenizer) for tokenizer in self._roster]})

    def _told(self, tell: Callable[[ModelTokenizer], dict[str, object]]) -> _Handler:
        async def handle(request: Request) -> Response:
            return _json(tell(self._roster.find(request.path_params["model"])))

        return _guarded(handle)

    async def _start(self, request: Request) -> Response:
        tokenizer = await self._found(request.path_params["model"])
        return await self._started(tokenizer.model)

    async def _start_anew(self, request: Request) -> Response:
        asked = _read(self._asking, await _body(request))
        await self._read_again()
        return await self._started(self._roster.find(asked.model).model, anew=True)

    async def _started(self, model: str, *, anew: bool = False) -> Response:
        ready = await self._roster.start(model, _START, anew=anew)
        return _json(status.summary(self._roster.find(model)), 200 if ready else 202)

    async def _stop(self, request: Request) -> Response:
        tokenizer = self._roster.find(request.path_params["model"])
        await tokenizer.stop()
        return _json(status.summary(tokenizer))

    async def _template(self, request: Request) -> Response:
        asked = _read(self._asking, await _body(request))
        await self._read_again()  # it is asked once for each description of a model
        descriptor = self._roster.describe(asked.model)
        try:
            # In a thread: a tokenizer_config.json may have megabytes.
            template = await asyncio.to_thread(chat_template, descriptor)
        except TokenizerFilesError as error:
            raise TokenizerError(descriptor.model_name, str(error)) from None
        return _json({"template": template})

    async def _count(self, request: Request) -> Response:
        asked = await self._asked_prompt(request)
        return _json({"tokens": await self._roster.find(asked.model).dialogue().count(asked.spec)})

    async def _open(self, request: Request) -> Response:
        asked = await self._asked_prompt(request)
        ticket = await self._roster.find(asked.model).dialogue().open_ticket(asked.spec)
        return _json(asdict(ticket), 201)

    async def _asked_prompt(self, request: Request) -> _Opening:
        asked: _Opening = _read(self._opening, await _body(request))
        if bool(asked.spec.messages) == (asked.spec.text is not None):
            raise RequestError("a prompt has either messages or a text")
        return asked

    async def _close(self, request: Request) -> Response:
        closing = _read(self._closing, await _body(request))
        ticket = self._tickets.close(request.path_params["ticket"])
        if ticket is None:
            return _json({"error": "there is no such ticket", "code": "ticket_not_found"}, 404)
        dialogue = self._roster.holding(ticket.model).dialogue()
        record = await dialogue.close_ticket(ticket, closing.printed, closing.held, closing.remaining)
        return _json(asdict(record))

    async def _found(self, name: str) -> ModelTokenizer:
        with suppress(ModelNotFoundError):
            return self._roster.find(name)
        await self._read_again()
        return self._roster.find(name)

    def _internal(self, handle: _Handler) -> _Handler:
        async def checked(request: Request) -> Response:
            if not self._has_token(request):
                text = f"{TOKEN_HEADER} is not the internal token; give both services the same one"
                return _json({"error": text, "code": "token"}, 403)
            return await handle(request)

        return checked

    def _staying(self, handle: _Handler) -> _Handler:
        async def checked(request: Request) -> Response:
            if self._leaving:
                raise ShuttingDownError
            return await handle(request)

        return checked

    def _local(self, handle: _Handler) -> _Handler:
        async def checked(request: Request) -> Response:
            # A tokenizer takes memory. Any web page can make a browser on this machine send a POST, but not
            # without its Origin.
            person = _is_of_this_machine(request) and "origin" not in request.headers
            if not person and not self._has_token(request):
                text = (
                    f"only programs of this machine may start a tokenizer, or those that send {TOKEN_HEADER}"
                )
                return _json({"error": text, "code": "token"}, 403)
            return await handle(request)

        return checked

    def _has_token(self, request: Request) -> bool:
        given = request.headers.get(TOKEN_HEADER, "")
        return hmac.compare_digest(given.encode(), self._token.encode())


def build_app(
    models: Sequence[ModelDescriptor],
    token: str,
    *,
    host: str = "127.0.0.1",
    environ: Mapping[str, str] | None = None,
) -> Starlette:
    """The tokenizer-service as an ASGI application; its lifespan ends every tokenizer.

    Args:
        models: the descriptors of the models.
        token: the internal token, the same as the llm-service's.
        host: where the gateways of the models listen.
        environ: the environment for tokenizer scripts; this process's own by default.
    """
    return app_of(TokenizerService(models, token, host, os.environ if environ is None else environ))


def app_of(service: TokenizerService) -> Starlette:
    """The same for a service that was made elsewhere."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await service.aclose()

    return Starlette(routes=service.routes(), lifespan=lifespan)


if TYPE_CHECKING:
    _Handler = Callable[[Request], Awaitable[Response]]


def _is_of_this_machine(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:  # a name, where no address is known
        return False


def _guarded(handle: _Handler) -> _Handler:
    """Turn errors into replies; the one table of this service."""

    async def answered(request: Request) -> Response:
        try:
            return await handle(request)
        except Axm1Error as error:
            return _refusal(error)

    return answered


def _refusal(error: Axm1Error) -> Response:  # noqa: PLR0911 - one line an error
    told: dict[str, object] = {"error": str(error)}
    match error:
        case PromptTooLongError():
            return _json(
                {**told, "code": "prompt_too_long", "tokens": error.tokens, "limit": error.limit}, 400
            )
        case RequestTooLargeError():
            return _json({**told, "code": "too_large"}, 413)
        case RequestError():
            return _json({**told, "code": "request"}, 400)
        case ModelNotFoundError():
            return _json({**told, "code": "model_not_found"}, 404)
        case ShuttingDownError():
            return _json({**told, "code": "leaving"}, 503)
        case TokenizerError():
            log = list(error.log_tail)
            return _json({**told, "code": "tokenizer", "reason": error.reason, "log": log}, 503)
        case _:
            return _json({**told, "code": "tokenizer"}, 503)


async def _body(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > _MOST_BODY:
            raise RequestTooLargeError(f"the prompt has more than {_MOST_BODY} bytes; shorten it")
        chunks.append(chunk)
    return b"".join(chunks)


def _read(adapter: TypeAdapter[Any], body: bytes) -> Any:  # noqa: ANN401 - what the adapter makes
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        # Not the whole error: it quotes its input, which is a prompt.
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RequestError(f"the request's '{where}': {first['msg']}") from None


async def _root(_: Request) -> Response:
    return PlainTextResponse("axm1 tokenizer-service is running")


def _json(content: Mapping[str, object], status_code: int = 200) -> Response:
    return Response(orjson.dumps(content), status_code, media_type="application/json")
