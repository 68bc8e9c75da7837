"""One prompt with the runtime: ticket, line, answer, interruption, ticket closed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from axm1_llm.engine.answering import Answer
from axm1_llm.engine.generation import DoneReason
from axm1_llm.engine.reaching import start_tokenizer
from axm1_llm.engine.states import ModelStates, State, Trigger
from axm1_llm.errors import ModelError, PromptTooLongError, RuntimeStalledError, TokenizerError
from axm1_llm.runtime.events import (
    AnswerEnd,
    CacheState,
    Event,
    LogLine,
    Mark,
    PromptMark,
    PromptRejected,
    Text,
    Token,
)
from axm1_llm.runtime.prompts import NO_IMAGE, RESET, encode_line
from axm1_llm.tokenizer.prompts import AnswerRecord, Ticket

if TYPE_CHECKING:
    from collections.abc import Callable

    from axm1_llm.descriptors import ModelDescriptor
    from axm1_llm.engine.generation import Generation
    from axm1_llm.engine.session import RuntimeSession
    from axm1_llm.tokenizer.client import TokenizerClient
    from axm1_llm.tokenizer.prompts import PromptSpec


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long the runtime may say nothing, in seconds, and how long one leaves it to itself.

    Attributes:
        load: while it loads; any progress starts it anew. One load in ten hangs for some users.
        prefill: between the prompt and its first token.
        output: between tokens.
        tokenizer: how long the tokenizer-service may be unreachable, as it is while it starts.
        settle: silence after which a runtime that prints no prompt mark counts as ready.
        cancel: from the first interrupt to the prompt mark.
        interrupt: between two interrupts: one that comes before the runtime has begun is lost (seen).
        backoff: the first pause before a runtime that failed is started again; it doubles each time.
        backoff_limit: the longest such pause.
    """

    load: float = 120.0
    prefill: float = 300.0
    output: float = 60.0
    tokenizer: float = 10.0
    settle: float = 2.0
    cancel: float = 15.0
    interrupt: float = 0.25
    backoff: float = 0.5
    backoff_limit: float = 8.0


class Exchange:
    """Leads one runtime through prompts, one at a time.

    Args:
        descriptor: the model.
        machine: its states; this class fires those of a prompt.
        session: the runtime.
        tokenizer: None when the runtime has a tokenizer of its own.
        deadlines: see there.
        clock: the monotonic clock, in nanoseconds.
    """

    def __init__(
        self,
        descriptor: ModelDescriptor,
        machine: ModelStates,
        session: RuntimeSession,
        tokenizer: TokenizerClient | None,
        deadlines: Deadlines,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._descriptor = descriptor
        self._machine = machine
        self._session = session
        self._tokenizer = tokenizer
        self._deadlines = deadlines
        self._clock = clock
        self._held: int | None = None  # ids in the KV cache, as a context build says after an answer
        self._complaint = ""  # the first error line since the prompt
        self.answer: Answer | None = None

    async def run(self, generation: Generation, load: int) -> None:
        """Bring `generation` to its result, and the runtime back to its mark.

        Args:
            generation: the prompt.
            load: nanoseconds that it waited for the model to be loaded.

        Raises:
            Axm1Error: the prompt could not be handed over; the runtime is as it was.
            ModelError: the runtime failed; it is of no more use.
        """
        self._held, self._complaint = None, ""
        ticket = await self._open_ticket(generation.request.prompt)
        generation.prompt_tokens = ticket.prompt_tokens
        if generation.done:  # the caller left meanwhile: the card need not work for nobody
            await self._close_ticket(ticket, 0)
            return
        if ticket.resets:
            self._session.write(RESET)
            await self._until_mark(self._deadlines.prefill)
        answer = Answer(generation, ticket.prompt_tokens, load, self._clock(), ticket.opens_thinking)
        self.answer = answer
        self._session.drain()
        self._session.write(ticket.line.encode() + b"\n", bare=self._tokenizer is None)
        self._machine.fire(Trigger.PROMPT_WRITTEN)
        if reason := await self._read(answer):
            answer.complete(reason, self._clock())
        if not self._at_mark():
            await self._interrupt(answer)
        record = await self._close_ticket(ticket, answer.printed)
        if not generation.done:
            self._finish(answer, record)

    async def _open_ticket(self, prompt: PromptSpec) -> Ticket:
        if self._tokenizer is None:
            line = encode_line(_flatten(prompt)).decode().rstrip("\n")
            # Nobody counts here what a context build holds, and each prompt is a conversation of its own.
            resets = self._session.facts.keeps_history or self._descriptor.dialect == "context"
            return Ticket(line, prompt_tokens=0, resets=resets)
        model = self._descriptor.model_name
        prompt = replace(prompt, limit=self._session.facts.prompt_limit or self._descriptor.context_length)
        try:
            return await self._tokenizer.open_ticket(model, prompt)
        except TokenizerError:
            # The tokenizer-service may have been started anew and know of nothing: once more, from the start.
            await start_tokenizer(self._tokenizer, model, self._deadlines.tokenizer)
            return await self._tokenizer.open_ticket(model, prompt)

    async def _close_ticket(self, ticket: Ticket, printed: int) -> AnswerRecord:
        if self._tokenizer is None:
            return AnswerRecord((), printed, ended=True)
        try:
            return await self._tokenizer.close_ticket(ticket.line, printed=printed, held=self._held)
        except TokenizerError as error:
            # The answer itself is there; only its last unprinted tokens may be missing.
            structlog.get_logger().warning("ticket_not_closed", model=error.model, reason=error.reason)
            return AnswerRecord((), printed, ended=False)

    def _finish(self, answer: Answer, record: AnswerRecord) -> None:
        """The result of an answer that the runtime ended by itself."""
        if self._complaint and not answer.tokens and not record.tail:
            # A context build whose cache is full says so and shows its mark, without an answer.
            reason = f"the runtime refused the prompt: {self._complaint}"
            answer.generation.fail(ModelError(self._descriptor.model_name, reason))
        else:
            answer.complete(self._add_tail(answer, record), self._clock())

    def _add_tail(self, answer: Answer, record: AnswerRecord) -> DoneReason:
        """Pass on what the runtime generated and did not print; why the answer ended."""
        for text in record.tail:
            if reason := answer.add(text, self._clock()):
                return reason
        context = self._session.facts.context_length
        full = context is not None and answer.prompt_tokens + record.tokens >= context - 1
        return DoneReason.LENGTH if full else DoneReason.STOP

    async def _read(self, answer: Answer) -> DoneReason | None:
        """Read the answer until it is complete (the reason), nobody wants it, or the mark comes."""
        generation = answer.generation
        while not generation.done and not self._at_mark():
            waiting = answer.first_token is None
            silence = self._deadlines.prefill if waiting else self._deadlines.output
            event = self._noted(await self._session.next_event(silence))
            match event:
                case Token(undecoded=True):
                    generation.fail(self._tokenizer_error())
                case Token(text) | Text(text):
                    answer.printed += isinstance(event, Token)
                    if waiting:
                        self._machine.fire(Trigger.FIRST_TOKEN)
                    if reason := answer.add(text, self._clock()):
                        return reason
                case PromptRejected(tokens, limit):
                    # What follows is nonsense with a normal end.
                    generation.fail(PromptTooLongError(self._descriptor.model_name, tokens, limit))
                case LogLine(text, level="E"):
                    self._complaint = self._complaint or text
                case _:
                    pass
        return None

    async def _interrupt(self, answer: Answer) -> None:
        """Stop the rest of the answer; an interrupt too early is lost, so it is sent until the mark comes."""
        self._machine.fire(Trigger.CANCEL)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._deadlines.cancel
        while not self._at_mark():
            if loop.time() >= deadline:
                reason = f"the runtime did not stop its answer within {self._deadlines.cancel:g} s"
                log = tuple(self._session.facts.log)
                raise RuntimeStalledError(self._descriptor.model_name, reason, log)
            self._session.interrupt()
            await self._listen(answer, loop.time() + self._deadlines.interrupt)

    async def _listen(self, answer: Answer, until: float) -> None:
        """Count what is still printed, until the mark or the time `until`."""
        while not self._at_mark() and asyncio.get_running_loop().time() < until:
            event = self._noted(await self._session.event_before(until))
            answer.printed += isinstance(event, Token)

    def _at_mark(self) -> bool:
        return self._machine.state is State.READY

    def _noted(self, event: Event | None) -> Event | None:
        """The same event; what belongs to every prompt is dealt with here."""
        match event:
            case Token() | Text():
                pass  # first of all: nearly every event is one
            case PromptMark(Mark.IMAGE):
                self._session.write(NO_IMAGE)
            case PromptMark():
                self._machine.fire(Trigger.PROMPT_MARK)
            case AnswerEnd() if not self._session.facts.shows_marks:
                self._machine.fire(Trigger.PROMPT_MARK)
            case CacheState(held):
                self._held = held
            case _:
                pass
        return event

    async def _until_mark(self, silence: float) -> None:
        while not isinstance(await self._session.next_event(silence), PromptMark):
            pass

    def _tokenizer_error(self) -> TokenizerError:
        return TokenizerError(self._descriptor.model_name, "its tokenizer did not decode a token in time")


def _flatten(prompt: PromptSpec) -> str:
    """The turns as one text, for a runtime that applies a template of its own to a single user turn."""
    if prompt.text is not None:
        return prompt.text
    return "\n".join(message.content for message in prompt.messages if message.content)
