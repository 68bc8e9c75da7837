"""Structured output, without a hold on the sampler: asked for, cut out, checked, asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from axm1_llm.engine import Delta, Generation, GenerationRequest, Summary
    from axm1_llm.serving.request import Schema


class StructuredAnswer:
    """An answer that is one JSON value; an `AnswerStream`.

    Args:
        generate: queues one attempt.
        request: the first attempt, without the instructions about the form.
        form: "json", or the schema that the value must fit.
    """

    def __init__(
        self,
        generate: Callable[[GenerationRequest], Generation],
        request: GenerationRequest,
        form: Literal["json"] | Schema,
    ) -> None:
        self._generate = generate
        self._request = request
        self._form = form
        self.prompt_tokens: int | None = None
        self.summary: Summary | None = None

    async def batches(self) -> AsyncIterator[list[Delta]]:
        """The whole value, once it is there and fits."""
        raise NotImplementedError
        yield []

    def cancel(self) -> None:
        """See `AnswerStream.cancel`."""
