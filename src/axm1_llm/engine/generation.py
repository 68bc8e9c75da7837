"""One prompt and its answer, seen from both sides.

See `Job` for its two ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import structlog

from axm1_llm.engine.job import Job
from axm1_llm.errors import SlowReaderError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from axm1_llm.answer.tools.calls import ToolCall, ToolFormat
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
        stop: the stop sequence that ended the answer; None when none did.
    """

    done_reason: DoneReason
    prompt_tokens: int
    generated_tokens: int
    total: int
    load: int
    prefill: int
    decode: int
    cached_tokens: int = 0
    stop: str | None = None


MOST_UNREAD = 8192
"""Pieces of an answer that wait for a caller who reads slowly; about 2 MB, and as many tokens as most
contexts have."""


class Generation(Job):
    """A prompt on its way. The engine feeds it; one caller reads it.

    A caller who lets `MOST_UNREAD` pieces pile up has no use for the answer: it ends with `SlowReaderError`.

    Args:
        request: what is wanted.
        submitted: when it was, on the monotonic clock, in nanoseconds.
        wake: called when the caller cancels, so that the engine looks.
    """

    def __init__(self, request: GenerationRequest, submitted: int, wake: Callable[[], None]) -> None:
        super().__init__(submitted, request.keep_alive, wake)
        self.request = request
        self.operation = "chat" if request.prompt.text is None else "text_completion"
        self.summary: Summary | None = None
        self.prompt_tokens: int | None = None  # known once the prompt has been counted
        self._deltas: list[Delta] = []
        self._begun = False
        self._listens = False  # the caller waits for the next piece

    @property
    def has_result(self) -> bool:
        """Whether the answer is complete."""
        return self.summary is not None

    @property
    def has_begun(self) -> bool:
        """Whether a piece of the answer was delivered."""
        return self._begun

    async def batches(self) -> AsyncIterator[list[Delta]]:
        """What has come since the last look, never empty, until the answer is complete.

        Raises:
            Axm1Error: the answer cannot be completed; what came before it stands.
        """
        while True:
            self._listens = True
            await self._news.wait()
            self._listens = False
            self._news.clear()
            # Not `if`: while a slow caller takes these, the rest may come, and the end with it.
            while self._deltas:
                deltas, self._deltas = self._deltas, []
                yield deltas
            if self._error is not None:
                raise self._error
            if self.summary is not None:
                return

    def deliver(self, delta: Delta) -> None:
        """Add to the answer."""
        if not self.done:
            self._begun = True
            self._deltas.append(delta)
            self._news.set()
            # One who listens gets all of it at once, however much the runtime has printed in one go.
            if len(self._deltas) > MOST_UNREAD and not self._listens:
                self._give_up(SlowReaderError(MOST_UNREAD))

    def _give_up(self, error: SlowReaderError) -> None:
        structlog.get_logger().warning("slow_reader", request_id=self.request_id, reason=str(error))
        self.fail(error)
        self._wake()

    def complete(self, summary: Summary) -> None:
        """The answer is complete."""
        if not self.done:
            self.summary = summary
            self._news.set()
