"""What one model's runtime asks, answered from its tickets; knows neither HTTP nor JSON.

First generation runtimes segfault on an answer that is late, and read past the end of an empty list of
ids (both in the vendor's host program). So each answer comes within the deadline and holds something,
whatever is behind it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from axm1_llm.errors import Axm1Error
from axm1_llm.tokenizer.framing import frames
from axm1_llm.tokenizer.prompts import AnswerRecord, Message, PromptSpec, Ticket
from axm1_llm.tokenizer.sessions import Sessions
from axm1_llm.tokenizer.tickets import Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from axm1_llm.tokenizer.backend import Backend
    from axm1_llm.tokenizer.tickets import OpenTicket, TicketBook

DEADLINE = 0.6
"""Seconds for what is behind the gateway; the runtime waits 1 s, connecting included."""


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
        self.sessions = Sessions()
        self._model = model
        self._tickets = tickets
        self._deadline = deadline
        self._log = structlog.get_logger().bind(model=model)

    async def open_ticket(self, spec: PromptSpec) -> Ticket:
        """Encode a prompt and keep it; see `TokenizerClient.open_ticket` for what it raises."""
        prompt = await self.backend.encode_prompt(spec)
        context = self.sessions.context
        resets = context is not None and context.missing(prompt.ids) is None
        ticket = self._tickets.open(self._model, prompt.ids, resets=resets)
        return Ticket(ticket.line, len(prompt.ids), resets, prompt.opens_thinking)

    async def close_ticket(self, ticket: OpenTicket, printed: int, held: int | None) -> AnswerRecord:
        """What is known of the answer to a ticket that was just taken out of the book."""
        sessions = self.sessions.holding(ticket)
        for session in sessions:
            session.ticket = session.answer = None
        answer = ticket.answer
        if answer is None:  # the runtime never asked for it
            return AnswerRecord(tail=(), tokens=0, ended=False)
        outcome = answer.generation.outcome(printed)
        missing = outcome.ids[len(answer.texts) :]
        texts = answer.texts + (await self._texts(answer, missing) if missing else [])
        texts = texts[: len(outcome.ids)]
        complete = outcome.ended and printed >= len(outcome.ids)
        for session in sessions:
            session.settle(outcome.ids, held, complete=complete)
        return AnswerRecord(
            tail=tuple(text or "" for text in texts[printed:]),
            tokens=len(outcome.ids),
            ended=outcome.ended,
            undecoded=None in texts,
        )

    def encode(self, name: str, text: str, *, context: bool = False) -> Encoded | Awaitable[Encoded]:
        """The ids of a ticket, or of a text that somebody typed.

        Args:
            name: the ``uid`` or the peer address.
            text: the line that the runtime read.
            context: the caller is a context build, and `name` its ``uid``.
        """
        session = self.sessions.of_context(name) if context else self.sessions.of(name)
        ticket = self._tickets.find(self._model, text.strip())
        session.ticket = ticket
        session.answer = Answer(self.backend.decoder())
        if ticket is None:
            return self._encode_text(name, text)
        ticket.answer = session.answer
        self._tickets.touch(ticket)
        return self._encoded(name, ticket.ids)

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
        texts = answer.decoder.push(ids)
        framed = session.ticket is not None
        if isinstance(texts, list):
            return _printed(answer, texts, framed=framed)
        return self._decode_later(answer, ids, texts, framed=framed)

    async def reset(self, uid: str, system_prompt: str | None) -> tuple[int, ...]:
        """The ids with which a context build starts a conversation; never empty.

        When a ticket waits for this reset they are the first of its prompt: all that a reply to its
        ``/encode`` still has to add is then the rest. Otherwise they are what every conversation with
        this system prompt starts with.
        """
        session = self.sessions.of_context(uid)
        session.ticket = session.answer = None
        starts = session.held == ()  # a runtime's first reset is its own, whatever waits
        ticket = None if starts else self._tickets.waiting_for_reset(self._model)
        if ticket is None:
            session.held = await self._start_of_conversation(system_prompt)
        elif len(ticket.ids) > 1:
            session.held = ticket.ids[:1]
        else:  # the only id of the prompt must be left for its /encode
            session.held = self._filler()
        return session.held

    def _encoded(self, name: str, ids: tuple[int, ...]) -> Encoded:
        session = self.sessions.of(name)
        diff = session.missing(ids)
        if diff is not None:
            session.held = ids
            return Encoded(ids, diff)
        if session.held is not None:  # nobody reset it: the prompt comes after what is there
            session.held += ids
        return Encoded(ids, ids)

    async def _encode_text(self, name: str, text: str) -> Encoded:
        try:
            async with asyncio.timeout(self._deadline):
                ids = self.backend.encode_text(text)
                found = tuple(ids if isinstance(ids, list) else await ids)
        except (Axm1Error, TimeoutError) as error:
            self._log.warning("text_not_encoded", error=type(error).__name__)
            found = ()
        return self._encoded(name, found or self._filler())

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

    async def _start_of_conversation(self, system_prompt: str | None) -> tuple[int, ...]:
        system = () if system_prompt is None else (Message("system", system_prompt),)
        try:
            async with asyncio.timeout(self._deadline):
                first, second = [
                    (
                        await self.backend.encode_prompt(
                            PromptSpec(messages=(*system, Message("user", text)))
                        )
                    ).ids
                    for text in ("a", "b")
                ]
        except (Axm1Error, TimeoutError) as error:
            self._log.warning("system_prompt_not_encoded", error=type(error).__name__)
            return self._filler()
        return _common_start(first, second) or self._filler()

    def _filler(self) -> tuple[int, ...]:
        """One id that says nothing, where a reply must hold at least one."""
        return (next((token for token in (self.backend.bos_id, self.backend.eos_id) if token >= 0), 0),)


def _printed(answer: Answer, texts: list[str | None], *, framed: bool) -> str:
    answer.texts.extend(texts)
    return frames(texts) if framed else "".join(text or "" for text in texts)


def _common_start(first: Sequence[int], second: Sequence[int]) -> tuple[int, ...]:
    for index, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return tuple(first[:index])
    return tuple(first[: len(second)])
