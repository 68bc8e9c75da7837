"""`/v1/completions`: one text in, one text out.

As with Ollama, the prompt goes through the model's chat template.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import orjson
from fastapi import Request  # noqa: TC002 - FastAPI reads the annotation
from fastapi.responses import Response  # noqa: TC002 - the same
from pydantic import Field

from axm1_llm.api import sse
from axm1_llm.api.bodies import read_body
from axm1_llm.api.declared import JSON, RUNNING, SSE, body, responses
from axm1_llm.api.envelopes import openai_error
from axm1_llm.api.fields import Texts  # noqa: TC001 - pydantic reads the annotation
from axm1_llm.api.openai.fields import ClassicBody
from axm1_llm.api.openai.wire import FINGERPRINT, error_object, new_id, usage
from axm1_llm.api.streaming import AnswerResponse
from axm1_llm.errors import RequestError
from axm1_llm.serving import request as wanted
from axm1_llm.tokenizer.prompts import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import APIRouter

    from axm1_llm.engine import Delta, Summary
    from axm1_llm.errors import Axm1Error
    from axm1_llm.serving.answering import Serving


class CompletionBody(ClassicBody):
    """The body of `POST /v1/completions`."""

    prompt: Texts | None = Field(default=None, description="The prompt; of several, exactly one.")
    suffix: str | None = Field(default=None, description="Text behind the answer.")
    best_of: int | None = Field(default=None, description="Only 1.")
    echo: bool | None = Field(default=None, description="Put the prompt before the answer.")
    logprobs: int | None = Field(default=None, description="Not supported: the runtime tells none.")


def add_completions(router: APIRouter, serving: Serving) -> None:
    """Add the route."""

    @router.post(
        "/completions",
        summary="Answer a prompt",
        openapi_extra=body(CompletionBody),
        responses=responses(RUNNING, JSON, SSE, envelope=openai_error),
    )
    async def completions(request: Request) -> Response:
        given = await read_body(request, CompletionBody)
        answer = await serving.answer(completion_request(given))
        return AnswerResponse(answer, CompletionDialect(given), stream=bool(given.stream))


def completion_request(given: CompletionBody) -> wanted.Request:
    """What the client wants.

    Raises:
        RequestError: something that this service cannot do.
    """
    given.refuse_several()
    if given.logprobs is not None:
        raise RequestError("logprobs are not supported: the runtime tells no probabilities")
    if given.best_of not in {None, 1}:
        raise RequestError(f"best_of is {given.best_of}: one request has one answer")
    return wanted.Request(
        model=given.model,
        messages=(Message("user", _prompt(given)),),
        suffix=given.suffix,
        options=given.options(given.max_tokens),
    )


def _prompt(given: CompletionBody) -> str:
    prompts = given.prompt or [""]
    if len(prompts) > 1:
        raise RequestError(f"prompt has {len(prompts)} texts: one request has one; send several requests")
    return prompts[0]


class CompletionDialect:
    """`/v1/completions` on the wire: server-sent chunks, or one object."""

    media_type = sse.MEDIA_TYPE

    def __init__(self, given: CompletionBody) -> None:
        self._include_usage = given.wants_usage
        self._echoed = _prompt(given) if given.echo else ""
        self._head = orjson.dumps(
            {
                "id": new_id("cmpl-"),
                "object": "text_completion",
                "created": int(time.time()),
                "model": given.model,
                "system_fingerprint": FINGERPRINT,
            }
        )[:-1]

    def begin(self, _: int | None) -> bytes:
        """The prompt, where it is wanted."""
        return self._chunk(self._echoed) if self._echoed else b""

    def encode(self, deltas: Sequence[Delta]) -> bytes:
        """A chunk for each piece of text; this API has no place for thinking."""
        return b"".join([self._chunk(delta.text) for delta in deltas if delta.text])

    def end(self, summary: Summary) -> bytes:
        """The chunk with the reason, that with the figures, and the mark that closes the stream."""
        figures = self._head + b',"choices":[],"usage":' + orjson.dumps(usage(summary)) + b"}"
        last = self._chunk("", summary.done_reason.value)
        return last + (sse.data_event(figures) if self._include_usage else b"") + sse.data_event(b"[DONE]")

    def error(self, error: Axm1Error) -> bytes:
        """The event that ends a stream that failed."""
        return sse.data_event(orjson.dumps(error_object(error)))

    def whole(self, deltas: Sequence[Delta], summary: Summary) -> bytes:
        """The answer as one object."""
        text = self._echoed + "".join([delta.text for delta in deltas])
        choices = self._choices(text, summary.done_reason.value)
        return self._head + choices + b',"usage":' + orjson.dumps(usage(summary)) + b"}"

    def _chunk(self, text: str, reason: str | None = None) -> bytes:
        return sse.data_event(self._head + self._choices(text, reason) + b"}")

    def _choices(self, text: str, reason: str | None) -> bytes:
        choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": reason}
        return b',"choices":[' + orjson.dumps(choice) + b"]"
