"""One prompt with the runtime: ticket, line, answer, interruption, ticket closed."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

from axm1_llm.engine.answering import Answer
from axm1_llm.engine.generation import DoneReason
from axm1_llm.engine.pictures import picture_file
from axm1_llm.engine.states import ModelStates, State, Trigger
from axm1_llm.engine.tickets import Tickets
from axm1_llm.errors import (
    ModelError,
    PromptTooLongError,
    RequestError,
    RuntimeStalledError,
    TokenizerError,
    UnsupportedError,
)
from axm1_llm.runtime.events import (
    AnswerEnd,
    CacheKept,
    CacheState,
    Event,
    LogLine,
    Mark,
    PictureRefused,
    PromptCounted,
    PromptMark,
    PromptRejected,
    Text,
    Token,
    TurnOver,
)
from axm1_llm.runtime.prompts import NO_IMAGE, RESET

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from axm1_llm.descriptors import ModelDescriptor
    from axm1_llm.engine.deadlines import Deadlines
    from axm1_llm.engine.generation import Generation
    from axm1_llm.engine.session import RuntimeSession
    from axm1_llm.tokenizer.client import TokenizerClient
    from axm1_llm.tokenizer.prompts import AnswerRecord, Ticket

# Without frames nobody sees what is a token. More text than this for each token of the context is no answer,
# but a runtime that has lost its way: it would fill the memory, and hold the card for ever (seen in a soak).
_MOST_CHARACTERS = 64  # of a token
_CONTEXT = 32_768  # tokens, of a runtime that has not said how many it takes
_SEEING = frozenset({"auto", "vision"})  # dialects that may ask for pictures


class NeedsFreshRuntime(Exception):  # noqa: N818 - no error: nothing went wrong, and no caller sees it
    """The prompt goes to a runtime that has just been started: this one cannot drop its KV cache."""


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
        self._bare = tokenizer is None
        self._tickets = Tickets(descriptor, session.facts, tokenizer, deadlines.tokenizer)
        self._deadlines = deadlines
        self._clock = clock
        self._cache: CacheState | None = None  # as a context build says after an answer
        self._bare_characters = 0  # of the prompt in hand
        self._complaint = ""  # the first error line since the prompt
        self._picture: Path | None = None  # of the prompt in hand
        self._shown = False  # the runtime has asked for it
        self._sees: bool | None = None  # whether it asks for pictures, as far as is known
        self.answer: Answer | None = None

    async def run(self, generation: Generation, load: int) -> None:
        """Bring `generation` to its result, and the runtime back to its mark.

        Args:
            generation: the prompt.
            load: nanoseconds that it waited for the model to be loaded.

        Raises:
            NeedsFreshRuntime: the prompt is as it was, and this runtime is of no more use.
            Axm1Error: the prompt could not be handed over; the runtime is as it was.
            ModelError: the runtime failed; it is of no more use.
        """
        self._cache, self._complaint, self._shown, self._bare_characters = None, "", False, 0
        images = generation.request.images
        self._check(images)
        ticket = await self._tickets.open(generation)
        if generation.done:  # the caller left meanwhile: the card need not work for nobody
            await self._tickets.close(ticket, 0, None)
            return
        try:
            async with picture_file(images[0] if images else None) as self._picture:
                await self._exchange(generation, ticket, load)
        except NeedsFreshRuntime:
            await self._tickets.close(ticket, 0, None)
            raise
        finally:
            self._picture = None

    async def _exchange(self, generation: Generation, ticket: Ticket, load: int) -> None:
        if ticket.restarts:
            raise NeedsFreshRuntime
        begun = self._clock()
        if ticket.resets:  # most of the prompt may be worked on already then
            self._session.write(RESET)
            await self._until_mark(self._deadlines.prefill)
        answer = Answer(
            generation,
            ticket.prompt_tokens,
            load,
            begun,
            opens_thinking=ticket.opens_thinking,
            cached_tokens=ticket.cached_tokens,
        )
        self.answer = answer
        self._session.drain()
        self._session.write(ticket.line.encode() + b"\n", bare=self._bare)
        self._machine.fire(Trigger.PROMPT_WRITTEN)
        undecoded = None
        try:
            if reason := await self._read(answer):
                answer.complete(reason, self._clock())
        except TokenizerError as error:  # the runtime knows nothing of it, and goes on
            undecoded = error
        except ModelError:
            if answer.ended:  # only the prompt mark is missing: the runtime is of no more use, its answer is
                await self._close(ticket, answer)
            raise
        if not self._at_mark():
            await self._interrupt(answer)
        if undecoded is None:
            await self._close(ticket, answer)
        else:
            await self._tickets.close(ticket, answer.printed, self._cache)
            raise undecoded

    async def _close(self, ticket: Ticket, answer: Answer) -> None:
        """Close the ticket, and give the caller the result unless he has one."""
        record = await self._tickets.close(ticket, answer.printed, self._cache)
        if not answer.generation.done:
            self._finish(answer, record)

    def _check(self, images: tuple[bytes, ...]) -> None:
        """Refuse pictures that this runtime cannot be shown."""
        model = self._descriptor.model_name
        if images and not (self._descriptor.dialect in _SEEING if self._sees is None else self._sees):
            raise _blind(model)
        if len(images) > 1:
            raise RequestError(f"model '{model}' takes one picture a prompt, not {len(images)}; send one")

    def _finish(self, answer: Answer, record: AnswerRecord) -> None:
        """The result of an answer that the runtime ended by itself."""
        model = self._descriptor.model_name
        if self._picture is not None and not self._shown:  # shorter than the first group of tokens
            self._sees = False
            answer.generation.fail(_blind(model))
        elif self._complaint and not answer.tokens and not record.tail:
            # A context build whose cache is full says so and shows its mark, without an answer.
            reason = f"the runtime refused the prompt: {self._complaint}"
            answer.generation.fail(ModelError(model, reason))
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
                case Token() | Text():
                    if reason := self._take(answer, event):
                        return reason
                case TurnOver():
                    return DoneReason.STOP
                case _:
                    self._heed(answer, event)
        return None

    def _take(self, answer: Answer, event: Token | Text) -> DoneReason | None:
        """Count a piece of the answer and pass it on; the reason, when the answer is complete with it."""
        if answer.first_token is None:
            self._machine.fire(Trigger.FIRST_TOKEN)
            if self._picture is not None and not self._shown:
                self._sees = False
                answer.generation.fail(_blind(self._descriptor.model_name))
        if isinstance(event, Token):
            answer.printed += 1
            if event.undecoded:
                raise self._tokenizer_error()
        else:
            self._check_size(event)
        return answer.add(event.text, self._clock())

    def _check_size(self, event: Text) -> None:
        self._bare_characters += len(event.text)
        if self._bare_characters > _MOST_CHARACTERS * (self._session.facts.context_length or _CONTEXT):
            reason = "the runtime printed more than any answer has, and does not end"
            raise RuntimeStalledError(self._descriptor.model_name, reason, tuple(self._session.facts.log))

    def _heed(self, answer: Answer, event: Event | None) -> None:
        """What the runtime says of the prompt in hand."""
        model = self._descriptor.model_name
        match event:
            case PromptRejected(tokens, limit):
                # What follows is nonsense with a normal end.
                answer.generation.fail(PromptTooLongError(model, tokens, limit))
            case PictureRefused(read=False):
                text = "the model's runtime cannot read the picture; send a JPEG or PNG file"
                answer.generation.fail(RequestError(text))
            case PictureRefused():
                reason = "its tokenizer gave the picture another size than its runtime"
                answer.generation.fail(TokenizerError(model, reason))
            case PromptCounted(tokens) if self._picture is not None:
                answer.prompt_tokens = answer.generation.prompt_tokens = tokens
            case AnswerEnd():
                answer.ended = True
            case LogLine(text, level="E"):
                self._complaint = self._complaint or text
            case _:
                pass

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
                self._show_picture()
            case PromptMark():
                self._machine.fire(Trigger.PROMPT_MARK)
            case AnswerEnd() if not self._session.facts.shows_marks:
                self._machine.fire(Trigger.PROMPT_MARK)
            case CacheState():
                self._cache = event
            case CacheKept():
                # What it answers now mixes two conversations.
                self._session.interrupt()
                raise NeedsFreshRuntime
            case _:
                pass
        return event

    def _show_picture(self) -> None:
        self._shown = self._sees = True
        line = NO_IMAGE if self._picture is None else os.fsencode(self._picture) + b"\n"
        self._session.write(line)

    async def _until_mark(self, silence: float) -> None:
        while not isinstance(event := await self._session.next_event(silence), PromptMark):
            if isinstance(event, CacheKept):  # it took the word for a prompt
                self._session.interrupt()
                raise NeedsFreshRuntime

    def _tokenizer_error(self) -> TokenizerError:
        return TokenizerError(self._descriptor.model_name, "its tokenizer did not decode a token in time")


def _blind(model: str) -> UnsupportedError:
    return UnsupportedError(f'"{model}" does not support vision: its runtime asks for no picture')
