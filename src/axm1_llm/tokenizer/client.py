"""The llm-service's side of the tokenizer-service: start a tokenizer, open and close tickets."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from axm1_llm.errors import (
    Axm1Error,
    ModelNotFoundError,
    PromptTooLongError,
    RequestError,
    RequestTooLargeError,
    TokenizerError,
    TokenizerServiceUnreachableError,
)
from axm1_llm.tokenizer.keepalive import KeepAliveClient
from axm1_llm.tokenizer.prompts import AnswerRecord, Ticket
from axm1_llm.tokenizer.reaching import reached

if TYPE_CHECKING:
    from collections.abc import Callable

    from axm1_llm.tokenizer.prompts import PromptSpec

TOKEN_HEADER = "X-Axm1-Token"  # noqa: S105 - the name of the header, not what it carries
"""Carries the token that the two services share."""

_CALL = 15.0
_LONG = 2.0  # most calls take milliseconds; those that start a script may well take longer
_START = 40.0  # the service itself waits up to 30 s for a tokenizer
_START_ROUNDS = 3
_MOST_REMEMBERED = 256


class TokenizerClient:
    """Asks the tokenizer-service; safe for any number of concurrent calls.

    Args:
        base_url: ``http://host:port`` of the tokenizer-service.
        token: what both services share; see `axm1_llm.tokenizer.internal_token`.
        on_silence: called when a call takes so long that the service may have hung.
    """

    def __init__(self, base_url: str, token: str, on_silence: Callable[[], None] = lambda: None) -> None:
        self._url = base_url
        self._on_silence = on_silence
        self._http = KeepAliveClient(base_url, {TOKEN_HEADER: token})
        self._models: dict[str, str] = {}  # ticket -> model, for the text of an error

    async def start(self, model: str, *, anew: bool = False) -> None:
        """Return when the model's tokenizer truly answers; at once when it already does.

        Args:
            model: its name.
            anew: a runtime is about to be started, and none runs: the tokenizer is to be the one that the
                descriptor file describes now.

        Raises:
            ModelNotFoundError: the tokenizer-service does not know the model.
            TokenizerError: it did not come up; the reason and the script's last lines are in it.
        """
        path, body = f"/api/start/{quote(model, safe='')}", b""
        if anew:
            path, body = "/internal/starts", orjson.dumps({"model": model})
        for _ in range(_START_ROUNDS):
            status, reply = await self._post(model, path, body, _START)
            if status == HTTPStatus.OK:
                return
            if status != HTTPStatus.ACCEPTED:
                raise _error(model, reply)
        raise TokenizerError(model, "its tokenizer still starts; try again later")

    async def keep(self, model: str, patience: float) -> None:
        """Start the model's tokenizer again whenever the tokenizer-service was; until it is cancelled.

        Args:
            model: its name in the descriptor.
            patience: seconds that the tokenizer-service may be unreachable.
        """
        while True:
            self._http.lost.clear()
            with suppress(Axm1Error):  # the runtime that misses it says so
                await reached(lambda: self.start(model), patience)
            await self._http.lost.wait()

    async def chat_template(self, model: str) -> str | None:
        """The text of the model's chat template; None when its script applies one of its own.

        Needs no running tokenizer.

        Raises:
            ModelNotFoundError: the tokenizer-service does not know the model.
            TokenizerError: it does not answer, or the files cannot be read.
        """
        body = orjson.dumps({"model": model})
        status, reply = await self._post(model, "/internal/templates", body, _CALL)
        if status != HTTPStatus.OK:
            raise _error(model, reply)
        template = reply.get("template")
        return template if isinstance(template, str) else None

    async def count(self, model: str, spec: PromptSpec) -> int:
        """The tokens of a prompt, without a ticket for it; raises what `open_ticket` raises."""
        body = orjson.dumps({"model": model, "spec": spec}, default=dict)
        status, reply = await self._post(model, "/internal/counts", body, _CALL)
        if status != HTTPStatus.OK:
            raise _error(model, reply)
        return int(reply["tokens"])

    async def open_ticket(self, model: str, spec: PromptSpec) -> Ticket:
        """Render, count and keep a prompt; the ticket stands for it on the runtime's stdin.

        Raises:
            PromptTooLongError: it has more tokens than `spec.limit`, after truncation where that was allowed.
            RequestError: the messages do not go through the model's chat template.
            ModelNotFoundError: the tokenizer-service does not know the model.
            TokenizerError: the tokenizer is not running, or failed.
        """
        body = orjson.dumps({"model": model, "spec": spec}, default=dict)
        status, reply = await self._post(model, "/internal/tickets", body, _CALL)
        if status != HTTPStatus.CREATED:
            raise _error(model, reply)
        ticket = Ticket(**reply)
        self._remember(ticket.line, model)
        return ticket

    async def close_ticket(
        self, ticket: str, *, printed: int, held: int | None = None, remaining: int | None = None
    ) -> AnswerRecord:
        """End a ticket, and learn what was generated but not printed.

        A ticket that the service no longer knows (it was started anew, or the ticket ran out) gives a
        record with no tail, `printed` tokens and `ended` false: no reason to fail an answer that is there.

        Args:
            ticket: its line.
            printed: frames that were seen on the runtime's stdout.
            held: `precompute_len` that a context build printed after the answer.
            remaining: what it printed beside it: the room behind what it holds.

        Raises:
            TokenizerError: the tokenizer-service does not answer.
        """
        model = self._models.pop(ticket, "?")
        body = orjson.dumps({"printed": printed, "held": held, "remaining": remaining})
        status, reply = await self._post(model, f"/internal/tickets/{ticket}/close", body, _CALL)
        if status == HTTPStatus.NOT_FOUND:
            return AnswerRecord(tail=(), tokens=printed, ended=False)
        if status != HTTPStatus.OK:
            raise _error(model, reply)
        return AnswerRecord(**{**reply, "tail": tuple(reply["tail"])})

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _remember(self, ticket: str, model: str) -> None:
        if len(self._models) >= _MOST_REMEMBERED:  # callers that vanished never closed theirs
            del self._models[next(iter(self._models))]
        self._models[ticket] = model

    async def _post(self, model: str, path: str, body: bytes, timeout: float) -> tuple[int, dict[str, Any]]:
        stranger = TokenizerError(model, f"what answers at {self._url} is no tokenizer-service")
        alarm = asyncio.get_running_loop().call_later(_LONG, self._on_silence)
        try:
            status, reply = await self._http.request("POST", path, body, timeout)
            content = orjson.loads(reply)
        except TimeoutError:
            reason = f"the tokenizer-service at {self._url} gave no answer in {timeout:g} s"
            raise TokenizerError(model, reason) from None
        except OSError as error:
            reason = f"the tokenizer-service at {self._url} cannot be reached ({error}); is it running?"
            raise TokenizerServiceUnreachableError(model, reason) from error
        except orjson.JSONDecodeError:
            raise stranger from None
        finally:
            alarm.cancel()
        if not isinstance(content, dict):
            raise stranger
        return status, content


def _error(model: str, reply: dict[str, Any]) -> Axm1Error:
    """The error that the service put in its reply."""
    text = str(reply.get("error", "no reason given"))
    match reply.get("code"):
        case "prompt_too_long":
            return PromptTooLongError(model, reply["tokens"], reply["limit"])
        case "too_large":
            return RequestTooLargeError(text)
        case "request":
            return RequestError(text)
        case "model_not_found":
            return ModelNotFoundError(model)
        case "leaving":  # the next one may be about to come up
            return TokenizerServiceUnreachableError(model, f"its tokenizer-service said: {text}")
        case _:
            return TokenizerError(model, str(reply.get("reason", text)), tuple(reply.get("log", ())))
