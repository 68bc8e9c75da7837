"""Structured output, without a hold on the sampler: asked for, cut out, checked, asked again.

The runtimes choose each token by themselves; nobody can keep them from writing something else. So the form
is described in the prompt, the answer is cut to its first JSON value and checked, and a model whose answer
does not fit is told so and asked again, a few times.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from axm1_llm.answer.form import Form
from axm1_llm.answer.json_value import JsonValue, breaks_off
from axm1_llm.engine.generation import Delta, DoneReason, ThinkingMode
from axm1_llm.errors import RequestCancelledError, StructuredOutputError
from axm1_llm.tokenizer.prompts import Message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from axm1_llm.engine.generation import Generation, GenerationRequest, Summary
    from axm1_llm.serving.request import Schema

ATTEMPTS = 3
"""How often a model is asked before it is an error."""

_MOST_SHOWN = 4_000  # characters of a wrong answer that go back to the model


class StructuredAnswer:
    """An answer that is one JSON value; an `AnswerStream`.

    Thinking streams as it comes, the value comes whole. When the model calls tools, the calls are the
    answer. `summary` has the tokens and durations of all attempts together, and the prompt of the last one.

    Args:
        generate: queues one attempt; raises BusyError.
        request: the first attempt, without the instructions about the form.
        form: "json", or the schema that the value must fit. It is checked before anything is generated.
        model: its name, for errors.
    """

    def __init__(
        self,
        generate: Callable[[GenerationRequest], Generation],
        request: GenerationRequest,
        form: Literal["json"] | Schema,
        model: str,
    ) -> None:
        self._generate = generate
        self._request = request
        self._form = form
        self._model = model
        self._current: Generation | None = None
        self._cancelled = False
        self._figures: Summary | None = None  # of the attempts so far
        self.summary: Summary | None = None

    @property
    def prompt_tokens(self) -> int | None:
        """Tokens of the last attempt's prompt."""
        return None if self._current is None else self._current.prompt_tokens

    async def batches(self) -> AsyncIterator[list[Delta]]:
        """The thinking as it comes, and the whole value, once it is there and fits; or tool calls.

        Raises:
            RequestError: the schema is none, or cannot be used here; nothing was generated.
            StructuredOutputError: no attempt gave a value that fits.
            Axm1Error: an attempt failed.
        """
        form = await asyncio.to_thread(Form, self._form)
        raw = self._request.prompt.text is not None
        request = self._request if raw else _instructed(self._request, form.instructions)
        most = 1 if raw else ATTEMPTS  # nobody can be asked again in a prompt of another's making
        for attempt in range(1, most + 1):
            answer = _Attempt()
            async for deltas in self._begin(request).batches():
                if passed := answer.add(deltas):
                    yield passed
            figures = self._add_figures()
            if answer.calls_tools:
                break
            text = _without_thinking(request, answer.text)
            found = await asyncio.to_thread(form.cut, text)
            if isinstance(found, JsonValue):
                yield [Delta(found.text)]
                break
            problem = _limit_problem(request, figures, text) or found
            if attempt == most or problem != found:
                raise StructuredOutputError(self._model, attempt, problem, text)
            request = _again(request, text, problem)
        self.summary = self._figures

    def cancel(self) -> None:
        """See `AnswerStream.cancel`."""
        self._cancelled = True
        if self._current is not None:
            self._current.cancel()

    def _begin(self, request: GenerationRequest) -> Generation:
        if self._cancelled:
            raise RequestCancelledError
        self._current = self._generate(request)
        return self._current

    def _add_figures(self) -> Summary:
        """Add the attempt that just ended to what there was before; its own figures."""
        assert self._current is not None  # noqa: S101 - an attempt was just read to its end
        last, before = self._current.summary, self._figures
        assert last is not None  # noqa: S101 - the same
        self._figures = last if before is None else _sum(before, last)
        return last


@dataclass(slots=True)
class _Attempt:
    """What one attempt gave."""

    calls_tools: bool = False
    _texts: list[str] = field(default_factory=list)

    def add(self, deltas: list[Delta]) -> list[Delta]:
        """Keep the text; what goes on to the caller at once."""
        self._texts += [delta.text for delta in deltas if delta.text]
        self.calls_tools = self.calls_tools or any(delta.tool_call for delta in deltas)
        return [replace(delta, text="") for delta in deltas if delta.thinking or delta.tool_call]

    @property
    def text(self) -> str:
        return "".join(self._texts)


def _instructed(request: GenerationRequest, instructions: str) -> GenerationRequest:
    """The same request with the instructions in its system prompt."""
    messages = request.prompt.messages
    if messages and messages[0].role == "system":
        said = f"{messages[0].content}\n\n{instructions}"
        messages = (replace(messages[0], content=said), *messages[1:])
    else:
        messages = (Message("system", instructions), *messages)
    return replace(request, prompt=replace(request.prompt, messages=messages))


def _again(request: GenerationRequest, answer: str, problem: str) -> GenerationRequest:
    """The same request after an answer that does not fit."""
    asked = (
        f"This answer cannot be used: {problem}. Answer again, with the JSON value as described "
        "and with nothing else."
    )
    said = Message("assistant", answer[:_MOST_SHOWN])
    messages = (*request.prompt.messages, said, Message("user", asked))
    return replace(request, prompt=replace(request.prompt, messages=messages))


def _limit_problem(request: GenerationRequest, figures: Summary, text: str) -> str:
    """Why the value is cut off, when no further attempt would have more room; else empty."""
    if figures.done_reason is not DoneReason.LENGTH or (text.strip() and not breaks_off(text)):
        return ""
    limit = request.num_predict
    if limit is not None and figures.generated_tokens >= limit:
        return f"the answer was cut off after {limit} tokens; raise num_predict (max_tokens)"
    return "the answer was cut off at the end of the model's context; shorten the prompt"


def _without_thinking(request: GenerationRequest, text: str) -> str:
    return text.rpartition("</think>")[2] if request.thinking is ThinkingMode.INLINE else text


def _sum(before: Summary, last: Summary) -> Summary:
    return replace(
        last,
        generated_tokens=before.generated_tokens + last.generated_tokens,
        total=before.total + last.total,
        load=before.load + last.load,
        prefill=before.prefill + last.prefill,
        decode=before.decode + last.decode,
    )
