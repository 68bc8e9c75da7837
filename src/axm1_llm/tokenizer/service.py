"""The tokenizer-service's HTTP API: status for all, starting for this machine, prompts for the llm-service.

Plain Starlette: with one model loaded the whole process stays under 70 MB, which FastAPI would exceed.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import os
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from axm1_llm.errors import (
    ModelNotFoundError,
    RequestError,
    ShuttingDownError,
    TokenizerError,
)
from axm1_llm.tokenizer import status
from axm1_llm.tokenizer.builtin import chat_template
from axm1_llm.tokenizer.client import TOKEN_HEADER
from axm1_llm.tokenizer.files import TokenizerFilesError
from axm1_llm.tokenizer.replies import Asking, Closing, Opening, body_of, guarded, read_body, reply
from axm1_llm.tokenizer.roster import Roster
from axm1_llm.tokenizer.tickets import TicketBook
from axm1_llm.tokenizer.tokenizer import ModelTokenizer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from starlette.requests import Request

    from axm1_llm.descriptors import ModelDescriptor
    from axm1_llm.tokenizer.replies import Handler
    from axm1_llm.tokenizer.states import State

_START = 30.0


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
        self._asking = TypeAdapter(Asking)
        self._opening = TypeAdapter(Opening)
        self._closing = TypeAdapter(Closing)
        self._roster = Roster(
            models, self._tickets, lambda model: ModelTokenizer(model, self._tickets, host, environ)
        )

    def apply(self, models: Sequence[ModelDescriptor]) -> None:
        """The descriptor file says this now."""
        self._roster.apply(models)

    def states(self) -> dict[str, State]:
        """What each model's tokenizer is doing, in the descriptor's order."""
        return {tokenizer.model: tokenizer.machine.state for tokenizer in self._roster}

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
                "/api/start/{model:path}", guarded(self._local(self._staying(self._start))), methods=["POST"]
            ),
            Route("/api/stop/{model:path}", guarded(self._internal(self._stop)), methods=["POST"]),
            Route(
                "/internal/starts",
                guarded(self._internal(self._staying(self._start_anew))),
                methods=["POST"],
            ),
            Route("/internal/templates", guarded(self._internal(self._template)), methods=["POST"]),
            Route("/internal/counts", guarded(self._internal(self._count)), methods=["POST"]),
            Route("/internal/tickets", guarded(self._internal(self._staying(self._open))), methods=["POST"]),
            Route("/internal/tickets/{ticket}/close", guarded(self._internal(self._close)), methods=["POST"]),
        ]

    async def _statuses(self, _: Request) -> Response:
        return reply({"models": [status.summary(tokenizer) for tokenizer in self._roster]})

    def _told(self, tell: Callable[[ModelTokenizer], dict[str, object]]) -> Handler:
        async def handle(request: Request) -> Response:
            return reply(tell(self._roster.find(request.path_params["model"])))

        return guarded(handle)

    async def _start(self, request: Request) -> Response:
        tokenizer = await self._found(request.path_params["model"])
        return await self._started(tokenizer.model)

    async def _start_anew(self, request: Request) -> Response:
        asked = read_body(self._asking, await body_of(request))
        await self._read_again()
        return await self._started(self._roster.find(asked.model).model, anew=True)

    async def _started(self, model: str, *, anew: bool = False) -> Response:
        ready = await self._roster.start(model, _START, anew=anew)
        return reply(status.summary(self._roster.find(model)), 200 if ready else 202)

    async def _stop(self, request: Request) -> Response:
        tokenizer = self._roster.find(request.path_params["model"])
        await tokenizer.stop()
        return reply(status.summary(tokenizer))

    async def _template(self, request: Request) -> Response:
        asked = read_body(self._asking, await body_of(request))
        await self._read_again()  # it is asked once for each description of a model
        descriptor = self._roster.describe(asked.model)
        try:
            # In a thread: a tokenizer_config.json may have megabytes.
            template = await asyncio.to_thread(chat_template, descriptor)
        except TokenizerFilesError as error:
            raise TokenizerError(descriptor.model_name, str(error)) from None
        return reply({"template": template})

    async def _count(self, request: Request) -> Response:
        asked = await self._asked_prompt(request)
        return reply({"tokens": await self._roster.find(asked.model).dialogue().count(asked.spec)})

    async def _open(self, request: Request) -> Response:
        asked = await self._asked_prompt(request)
        ticket = await self._roster.find(asked.model).dialogue().open_ticket(asked.spec)
        return reply(asdict(ticket), 201)

    async def _asked_prompt(self, request: Request) -> Opening:
        asked: Opening = read_body(self._opening, await body_of(request))
        if bool(asked.spec.messages) == (asked.spec.text is not None):
            raise RequestError("a prompt has either messages or a text")
        return asked

    async def _close(self, request: Request) -> Response:
        closing = read_body(self._closing, await body_of(request))
        ticket = self._tickets.close(request.path_params["ticket"])
        if ticket is None:
            return reply({"error": "there is no such ticket", "code": "ticket_not_found"}, 404)
        dialogue = self._roster.holding(ticket.model).dialogue()
        record = await dialogue.close_ticket(ticket, closing.printed, closing.held, closing.remaining)
        return reply(asdict(record))

    async def _found(self, name: str) -> ModelTokenizer:
        with suppress(ModelNotFoundError):
            return self._roster.find(name)
        await self._read_again()
        return self._roster.find(name)

    def _internal(self, handle: Handler) -> Handler:
        async def checked(request: Request) -> Response:
            if not self._has_token(request):
                text = f"{TOKEN_HEADER} is not the internal token; give both services the same one"
                return reply({"error": text, "code": "token"}, 403)
            return await handle(request)

        return checked

    def _staying(self, handle: Handler) -> Handler:
        async def checked(request: Request) -> Response:
            if self._leaving:
                raise ShuttingDownError
            return await handle(request)

        return checked

    def _local(self, handle: Handler) -> Handler:
        async def checked(request: Request) -> Response:
            # A tokenizer takes memory. Any web page can make a browser on this machine send a POST, but not
            # without its Origin.
            person = _is_of_this_machine(request) and "origin" not in request.headers
            if not person and not self._has_token(request):
                text = (
                    f"only programs of this machine may start a tokenizer, or those that send {TOKEN_HEADER}"
                )
                return reply({"error": text, "code": "token"}, 403)
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


def _is_of_this_machine(request: Request) -> bool:
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:  # a name, where no address is known
        return False


async def _root(_: Request) -> Response:
    return PlainTextResponse("axm1 tokenizer-service is running")
