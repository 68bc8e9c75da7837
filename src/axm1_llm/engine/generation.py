"""One prompt and its answer, seen from both sides.

A generation has two ends. *Result*: the caller has what it will get. *Finished*: the runtime shows its
prompt mark again. A caller that goes away never frees the runtime early.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from axm1_llm.errors import RequestCancelledError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from axm1_llm.answer.tools.calls import ToolCall, ToolFormat
    from axm1_llm.errors import Axm1Error
    from axm1_llm.tokenizer.prompts import PromptSpec


class ThinkingMode(StrEnum):
    """What becomes of the `<think>` part of an answer."""

    INLINE = "inline"  # stays in the text as it is
    HIDDEN = "hidden"  # is removed
    SEPARATE = "separate"  # comes apart from the text


class DoneReason(StrEnum):
    """Why an answer ended, in Ollama's words."""

    STOP = "stop"
    LENGTH = "length"


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """What a caller wants, free of any dialect.

    Attributes:
        prompt: messages or raw text.
        num_predict: most tokens to generate; None for no limit but the context.
        stops: sequences that end the answer and are not a part of it.
        thinking: what becomes of the `<think>` part.
        keep_alive: seconds that the model stays loaded when no prompt follows; None: as it is set.
        tool_format: how the model writes calls of the prompt's tools; None: they stay in the text.
        images: files of pictures that the last turn shows, as bytes; checked.
        sampling: options such as ``temperature``; runtimes that take none of them per request ignore them.
    """

    prompt: PromptSpec
    num_predict: int | None = None
    stops: tuple[str, ...] = ()
    thinking: ThinkingMode = ThinkingMode.HIDDEN
    keep_alive: float | None = None
    tool_format: ToolFormat | None = None
    images: tuple[bytes, ...] = ()
    sampling: Mapping[str, float | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delta:
    """What one token adds to the answer; exactly one of them is there, or both texts."""

    text: str = ""
    thinking: str = ""
    tool_call: ToolCall | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a complete answer.

    Attributes:
        done_reason: why it ended.
        prompt_tokens: tokens of the rendered prompt.
        generated_tokens: tokens that the caller got, the end token not counted.
        total: from the request to the end, in nanoseconds, as all durations here.
        load: the part of it in which the model was loaded.
        prefill: from the prompt written to the first token.
        decode: from the first token to the last.
        cached_tokens: tokens of the prompt that the runtime's KV cache held already.
    """

    done_reason: DoneReason
    prompt_tokens: int
    generated_tokens: int
    total: int
    load: int
    prefill: int
    decode: int
    cached_tokens: int = 0


class Generation:
    """A prompt on its way. The engine feeds it; one caller reads it.

    Args:
        request: what is wanted.
        submitted: when it was, on the monotonic clock, in nanoseconds.
        wake: called when the caller cancels, so that the engine looks.
    """

    def __init__(self, request: GenerationRequest, submitted: int, wake: Callable[[], None]) -> None:
        self.request = request
        self.submitted = submitted
        self.finished = asyncio.Event()
        self.summary: Summary | None = None
        self.prompt_tokens: int | None = None  # known once the prompt has been counted
        self._error: Axm1Error | None = None
        self._wake = wake
        self._deltas: list[Delta] = []
        self._news = asyncio.Event()

    @property
    def done(self) -> bool:
        """Whether the result is there: nothing more will be delivered."""
        return self.summary is not None or self._error is not None

    async def batches(self) -> AsyncIterator[list[Delta]]:
        """What has come since the last look, never empty, until the answer is complete.

        Raises:
            Axm1Error: the answer cannot be completed; what came before it stands.
        """
        while True:
            await self._news.wait()
            self._news.clear()
            if self._deltas:
                deltas, self._deltas = self._deltas, []
                yield deltas
            if self._error is not None:
                raise self._error
            if self.summary is not None:
                return

    def cancel(self) -> None:
        """Say that nobody waits for the result any more; without effect once it is there."""
        if not self.done:
            self.fail(RequestCancelledError())
            self._wake()

    def deliver(self, delta: Delta) -> None:
        """Add to the answer."""
        if not self.done:
            self._deltas.append(delta)
            self._news.set()

    def complete(self, summary: Summary) -> None:
        """The answer is complete."""
        if not self.done:
            self.summary = summary
            self._news.set()

    def fail(self, error: Axm1Error) -> None:
        """The answer cannot be completed."""
        if not self.done:
            self._error = error
            self._news.set()

    @property
    def cancelled(self) -> bool:
        """Whether the caller went away before the result was there."""
        return isinstance(self._error, RequestCancelledError)
