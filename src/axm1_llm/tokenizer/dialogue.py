"""What one model's runtime asks, answered from its tickets; knows neither HTTP nor JSON.

First generation runtimes segfault on an answer that is late, and read past the end of an empty list of
ids (both in the vendor's host program). So each answer comes within the deadline and holds something,
whatever is behind it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from axm1_llm.errors import Axm1Error, PromptTooLongError
from axm1_llm.tokenizer.contexts import ContextBuilds
from axm1_llm.tokenizer.framing import CACHE_KEPT, TURN_OVER, frames
from axm1_llm.tokenizer.pictures import TYPICAL_TOKENS
from axm1_llm.tokenizer.prompts import AnswerRecord, Message, PromptSpec, Ticket
from axm1_llm.tokenizer.tickets import Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from axm1_llm.tokenizer.backend import Backend, EncodedPrompt
    from axm1_llm.tokenizer.pictures import PictureCall
    from axm1_llm.tokenizer.sessions import Session
    from axm1_llm.tokenizer.tickets import OpenTicket, TicketBook

DEADLINE = 0.6
"""Seconds for what is behind the gateway; the runtime waits 1 s, connecting included."""

_RESET = "reset"


@dataclass(frozen=True, slots=True)
class Encoded:
    """The reply to ``/encode``.

    Attributes:
        ids: the whole prompt.
        diff: what a context build must add to its KV cache.
    """

    ids: tuple[int, ...]
    diff: tuple[int, ...]


class Dialogue:
    """One model's tickets on the one side, its runtime's calls on the other.

    Args:
        model: its name.
        backend: its tokenizer.
        tickets: where its tickets are kept.
        deadline: seconds that the backend has for a call of the runtime.
    """

    def __init__(self, model: str, backend: Backend, tickets: TicketBook, deadline: float = DEADLINE) -> None:
        self.backend = backend
        self.contexts = ContextBuilds(model, backend, tickets, deadline)
        self.sessions = self.contexts.sessions
        self._model = model
        self._tickets = tickets
        self._deadline = deadline
        self._picture_tokens = TYPICAL_TOKENS  # of a picture, as the runtime had them last
        self._log = structlog.get_logger().bind(model=model)

    async def open_ticket(self, spec: PromptSpec) -> Ticket:
        """Encode a prompt and keep it; see `TokenizerClient.open_ticket` for what it raises."""
        prompt, more = await self._encode_prompt(spec)
        plan = self.contexts.plan(prompt.ids, spec, more)
        ticket = self._tickets.open(
            self._model,
            plan.ids,
            resets=plan.resets or plan.restarts,
            head=plan.head,
            prompt=prompt if prompt.pictures else None,
            tools=bool(spec.tools),
        )
        tokens = len(plan.ids) + more
        return Ticket(ticket.line, tokens, plan.resets, prompt.opens_thinking, plan.cached, plan.restarts)

    async def count(self, spec: PromptSpec) -> int:
        """The tokens of a prompt that nobody is to work on; raises what `open_ticket` raises."""
        prompt, more = await self._encode_prompt(spec)
        return len(prompt.ids) + more

    async def close_ticket(
        self, ticket: OpenTicket, printed: int, held: int | None, remaining: int | None = None
    ) -> AnswerRecord:
        """What is known of the answer to a ticket that was just taken out of the book."""
        sessions = self.sessions.holding(ticket)
        for session in sessions:
            session.ticket = session.answer = None
        answer = ticket.answer
        if answer is None:  # the runtime never asked for it
            return AnswerRecord(tail=(), tokens=0, ended=False)
        outcome = answer.generation.outcome(printed)
        missing = () if answer.over else self._before_end(outcome.ids[len(answer.texts) :])
        texts = answer.texts + (await self._texts(answer, missing) if missing else [])
        texts = texts[: len(outcome.ids)]
        complete = outcome.ended and printed >= len(outcome.ids)
        for session in sessions:
            session.settle(outcome.ids, held, remaining, complete=complete)
        return AnswerRecord(
            tail=tuple(text or "" for text in texts[printed:]),
            tokens=len(outcome.ids),
            ended=outcome.ended,
            undecoded=None in texts,
        )

    def encode(
        self, name: str, text: str, pictures: PictureCall | None = None, *, context: bool = False
    ) -> Encoded | Awaitable[Encoded]:
        """The ids of a ticket, or of a text that somebody typed.

        Args:
            name: the ``uid`` or the peer address.
            text: the line that the runtime read.
            pictures: what the runtime says of the pictures that it was given with this line.
            context: the caller is a context build, and `name` its ``uid``.
        """
        session = self.sessions.of_context(name) if context else self.sessions.of(name)
        line = text.strip()
        ticket = self._tickets.find(self._model, line)
        session.ticket = ticket
        session.unreset = False
        session.answer = Answer(self.backend.decoder(tools=ticket is not None and ticket.tools))
        if ticket is not None:
            ticket.answer = session.answer
            self._tickets.touch(ticket)
            if pictures is not None and ticket.prompt is not None:
                return self._encode_pictures(session, ticket.prompt, pictures)
            return self._encoded(session, ticket.ids)
        if line == _RESET and context and self._tickets.waiting_for_reset(self._model):
            self.contexts.kept(session)
            session.held = None
            return Encoded(self.contexts.filler(), self.contexts.filler())
        return self._encode_text(session, text, pictures)

    def decode(self, name: str, ids: Sequence[int]) -> str | Awaitable[str]:
        """What the runtime shall print for these tokens: frames for a ticket, else bare text."""
        session = self.sessions.of(name)
        answer = session.answer or Answer(self.backend.decoder())
        if session.ticket is not None:
            self._tickets.touch(session.ticket)
        whole = answer.generation.is_whole(ids)
        answer.generation.hear(ids)
        if whole:  # known already, and not printed; a script must not be asked for 2,000 tokens at once
            return "".join(text or "" for text in answer.texts)
        if session.unreset:
            return CACHE_KEPT
        if answer.over:
            return TURN_OVER
        framed = session.ticket is not None
        if framed and not self.backend.end_ids.isdisjoint(ids):
            ids = self._before_end(ids)
            answer.over = True
        texts = answer.decoder.push(ids)
        if isinstance(texts, list):
            return _printed(answer, texts, framed=framed)
        return self._decode_later(answer, ids, texts, framed=framed)

    def _before_end(self, ids: Sequence[int]) -> Sequence[int]:
        """The ids before the one that ends the model's turn."""
        ends = self.backend.end_ids
        return ids[: next((at for at, token in enumerate(ids) if token in ends), len(ids))]

    async def _encode_prompt(self, spec: PromptSpec) -> tuple[EncodedPrompt, int]:
        """The prompt, and how many tokens its pictures will have beside their placeholders."""
        more = spec.images * (self._picture_tokens - 1)
        if spec.limit is None or not more:
            return await self.backend.encode_prompt(spec), more
        try:
            return await self.backend.encode_prompt(replace(spec, limit=spec.limit - more)), more
        except PromptTooLongError as error:
            raise PromptTooLongError(self._model, error.tokens + more, spec.limit) from None

    def _encoded(self, session: Session, ids: tuple[int, ...]) -> Encoded:
        if not session.context:
            return Encoded(ids, ids)
        diff = session.missing(ids)
        if diff is not None:
            session.held = ids
            return Encoded(ids, diff)
        if session.held is not None:  # nobody reset it: the prompt comes after what is there
            session.held += ids
        if session.ticket is not None:
            self.contexts.kept(session)
        return Encoded(ids, ids)

    async def _encode_text(self, session: Session, text: str, pictures: PictureCall | None) -> Encoded:
        try:
            async with asyncio.timeout(self._deadline):
                found = await self._ids_of_text(text, pictures)
        except (Axm1Error, TimeoutError) as error:
            self._log.warning("text_not_encoded", error=type(error).__name__)
            found = ()
        return self._encoded(session, found or self.contexts.filler())

    async def _ids_of_text(self, text: str, pictures: PictureCall | None) -> tuple[int, ...]:
        if pictures is None:
            ids = self.backend.encode_text(text)
            return tuple(ids if isinstance(ids, list) else await ids)
        prompt = await self.backend.encode_prompt(PromptSpec((Message("user", text),), images=1))
        shown = self.backend.encode_pictures(prompt, pictures)
        return shown if isinstance(shown, tuple) else await shown

    async def _encode_pictures(self, session: Session, prompt: EncodedPrompt, call: PictureCall) -> Encoded:
        ids = prompt.ids  # without a token of the picture the runtime says so, and the prompt fails
        try:
            async with asyncio.timeout(self._deadline):
                shown = self.backend.encode_pictures(prompt, call)
                ids = shown if isinstance(shown, tuple) else await shown
                self._picture_tokens = max(1, len(ids) - len(prompt.ids) + 1)
        except (Axm1Error, TimeoutError) as error:
            self._log.warning("picture_not_encoded", error=type(error).__name__)
        return self._encoded(session, ids)

    async def _decode_later(
        self,
        answer: Answer,
        ids: Sequence[int],
        texts: Awaitable[list[str | None]],
        *,
        framed: bool,
    ) -> str:
        return _printed(answer, await self._in_time(ids, texts), framed=framed)

    async def _texts(self, answer: Answer, ids: Sequence[int]) -> list[str | None]:
        texts = answer.decoder.push(ids)
        return texts if isinstance(texts, list) else await self._in_time(ids, texts)

    async def _in_time(self, ids: Sequence[int], texts: Awaitable[list[str | None]]) -> list[str | None]:
        try:
            async with asyncio.timeout(self._deadline):
                return await texts
        except TimeoutError:
            self._log.warning("tokens_not_decoded_in_time", tokens=len(ids), seconds=self._deadline)
            return [None] * len(ids)


def _printed(answer: Answer, texts: list[str | None], *, framed: bool) -> str:
    answer.texts.extend(texts)
    if not framed:
        return "".join(text or "" for text in texts)
    return frames(texts) + TURN_OVER if answer.over else frames(texts)
