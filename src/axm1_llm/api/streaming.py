"""A generation as an HTTP response, streamed or whole, in any dialect."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from starlette.responses import Response

from axm1_llm.api.errors import error_response
from axm1_llm.api.presence import until_left
from axm1_llm.errors import Axm1Error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from starlette.types import Receive, Scope, Send

    from axm1_llm.engine import Delta, Summary
    from axm1_llm.serving.stream import AnswerStream


class Dialect(Protocol):
    """How an answer looks on the wire."""

    media_type: str

    def begin(self, prompt_tokens: int | None) -> bytes:
        """What stands before the first piece; None: their number is not known."""
        ...

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """Pieces of the stream."""
        ...

    def end(self, summary: Summary) -> bytes:
        """The stream's last piece."""
        ...

    def error(self, error: Axm1Error) -> bytes:
        """The stream's last piece when it cannot be completed."""
        ...

    def whole(self, deltas: Sequence[Delta], summary: Summary) -> bytes:
        """The answer as one object."""
        ...


class AnswerResponse(Response):
    """Owns the answer: however the response ends, the prompt has ended or is cancelled.

    That is not left to a generator's `finally`: it is not run in time when a client vanishes while its
    connection is full (tried with Starlette 0.47).

    Before the first token an error has its HTTP status; after it, it is the stream's last piece.

    Args:
        answer: what is sent.
        dialect: how it looks.
        stream: piece by piece, or as one object.
    """

    def __init__(self, answer: AnswerStream, dialect: Dialect, *, stream: bool) -> None:
        super().__init__()
        self._answer = answer
        self._dialect = dialect
        self._stream = stream
        self._begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, whatever becomes of it."""
        with self._cancelled_on_disconnect(receive):
            try:
                if self._stream:
                    await self._send_stream(send)
                else:
                    await self._send_whole(send)
            except Axm1Error as error:
                await self._send_error(error, scope, send)

    @contextmanager
    def _cancelled_on_disconnect(self, receive: Receive) -> Iterator[None]:
        watcher = asyncio.create_task(self._watch(receive))
        try:
            yield
        finally:
            watcher.cancel()
            self._answer.cancel()

    async def _watch(self, receive: Receive) -> None:
        await until_left(receive)
        self._answer.cancel()

    async def _send_stream(self, send: Send) -> None:
        async for deltas in self._answer.batches():
            head = await self._start(send)
            await _send_body(send, head + self._dialect.encode(deltas), more=True)
        head = await self._start(send)  # an answer may have no token
        assert self._answer.summary is not None  # noqa: S101 - the batches ended without an error
        await _send_body(send, head + self._dialect.end(self._answer.summary), more=False)

    async def _send_whole(self, send: Send) -> None:
        deltas: list[Delta] = []
        async for batch in self._answer.batches():
            deltas += batch
        assert self._answer.summary is not None  # noqa: S101 - the batches ended without an error
        body = self._dialect.whole(deltas, self._answer.summary)
        await Response(body, media_type="application/json; charset=utf-8")(
            {"type": "http"}, _no_more_messages, send
        )

    async def _send_error(self, error: Axm1Error, scope: Scope, send: Send) -> None:
        if self._begun:
            await _send_body(send, self._dialect.error(error), more=False)
        else:
            await error_response(error, scope["path"])(scope, _no_more_messages, send)

    async def _start(self, send: Send) -> bytes:
        """Send the status, if that is not done yet; what then stands before the first piece."""
        if self._begun:
            return b""
        self._begun = True
        headers = [(b"content-type", self._dialect.media_type.encode())]
        await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
        return self._dialect.begin(self._answer.prompt_tokens)


async def _send_body(send: Send, body: bytes, *, more: bool) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _no_more_messages() -> dict[str, str]:
    return {"type": "http.disconnect"}
