"""The runtime's events during one prompt → what the caller gets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from axm1_llm.answer.stops import StopFilter
from axm1_llm.answer.thinking import ThinkingSplitter
from axm1_llm.answer.tools.calls import text_parameters, tool_names
from axm1_llm.answer.tools.parser import ToolCallParser
from axm1_llm.engine.generation import Delta, DoneReason, Summary, ThinkingMode
from axm1_llm.metrics import PromptSample

if TYPE_CHECKING:
    from axm1_llm.answer.tools.calls import ToolCall
    from axm1_llm.engine.generation import Generation

_NS = 1e9


@dataclass(slots=True)
class Answer:
    """Builds one generation's result from its tokens.

    All times are nanoseconds of the monotonic clock.

    Attributes:
        generation: whose result it is.
        prompt_tokens: tokens of the prompt.
        load: how long it waited for the model to be loaded.
        written: when the prompt was handed to the runtime.
        opens_thinking: the prompt ends inside an open `<think>` block.
        cached_tokens: tokens of the prompt that the runtime's KV cache held already.
        printed: tokens seen on the runtime's stdout, those after the limit among them.
        tokens: tokens that count for the caller.
        first_token: when the first one came.
        last_token: when the last one that counts came.
        ended: the runtime printed its end line: nothing more of it will come.
    """

    generation: Generation
    prompt_tokens: int
    load: int
    written: int
    opens_thinking: bool = False
    cached_tokens: int = 0
    printed: int = 0
    tokens: int = 0
    first_token: int | None = None
    last_token: int | None = None
    ended: bool = False
    _stops: StopFilter = field(init=False)
    _thinking: ThinkingSplitter | None = field(init=False)
    _calls: ToolCallParser | None = field(init=False)

    def __post_init__(self) -> None:
        request = self.generation.request
        self._stops = StopFilter(request.stops)
        separate = request.thinking is not ThinkingMode.INLINE
        self._thinking = ThinkingSplitter(opened=self.opens_thinking) if separate else None
        syntax, tools = request.tool_format, request.prompt.tools
        self._calls = (
            ToolCallParser(syntax, tool_names(tools), text_parameters(tools)) if syntax and tools else None
        )

    def add(self, text: str, now: int) -> DoneReason | None:
        """Count a token and pass its text on; the reason, when the answer is complete with it."""
        if self.first_token is None:
            self.first_token = now
        self.last_token = now
        self.tokens += 1
        self._pass_on(self._stops.feed(text))
        if self._stops.hit:
            return DoneReason.STOP
        limit = self.generation.request.num_predict
        return DoneReason.LENGTH if limit is not None and self.tokens >= limit else None

    def complete(self, reason: DoneReason, now: int) -> Summary:
        """Hand over what was held back, and the figures."""
        self._pass_on(self._stops.flush())
        if self._thinking is not None:
            self._deliver(*self._thinking.flush())
        if self._calls is not None:
            self._deliver_pieces(self._calls.flush())
        summary = Summary(
            done_reason=reason,
            prompt_tokens=self.prompt_tokens,
            generated_tokens=self.tokens,
            total=now - self.generation.submitted,
            load=self.load,
            prefill=(self.first_token or now) - self.written,
            decode=(self.last_token or 0) - (self.first_token or 0),
            cached_tokens=self.cached_tokens,
            stop=self._stops.hit,
        )
        self.generation.complete(summary)
        return summary

    def sample(self, queued: int, now: int) -> PromptSample:
        """The figures for the metrics, also of an answer that was not completed."""
        summary = self.generation.summary
        outcome = "cancelled" if self.generation.cancelled else "failed"
        first, last = self.first_token, self.last_token
        return PromptSample(
            outcome=summary.done_reason.value if summary else outcome,
            prompt_tokens=self.prompt_tokens,
            generated_tokens=self.tokens,
            queue_seconds=queued / _NS,
            time_to_first_token_seconds=(first - self.written) / _NS if first else None,
            prompt_seconds=(now - self.written) / _NS,
            decode_seconds=(last - first) / _NS if first and last else None,
            cached_tokens=self.cached_tokens,
        )

    def _pass_on(self, text: str) -> None:
        if text:
            self._deliver(*(self._thinking.feed(text) if self._thinking else ("", text)))

    def _deliver(self, thinking: str, text: str) -> None:
        if self.generation.request.thinking is ThinkingMode.HIDDEN:
            thinking = ""
        if self._calls is None:
            if thinking or text:
                self.generation.deliver(Delta(text, thinking))
            return
        if thinking:
            self.generation.deliver(Delta(thinking=thinking))
        if text:
            self._deliver_pieces(self._calls.feed(text))

    def _deliver_pieces(self, pieces: list[str | ToolCall]) -> None:
        for piece in pieces:
            if not isinstance(piece, str):
                self.generation.deliver(Delta(tool_call=piece))
            elif piece:
                self.generation.deliver(Delta(piece))
