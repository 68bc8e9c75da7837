"""Tickets: prompts that wait under a one-line name until the runtime asks for them."""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from axm1_llm.tokenizer.generation import Generation
from axm1_llm.tokenizer.prompts import TICKET_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from axm1_llm.tokenizer.backend import AnswerDecoder, EncodedPrompt

_MOST = 512
_SECONDS = 3600.0
# Longer than a runtime may think about a prompt: who asks no more for a ticket after that has forgotten it.
_SILENCE = 600.0


@dataclass(slots=True)
class Answer:
    """An answer as it comes.

    Attributes:
        decoder: has seen the ids of every group so far.
        generation: what the decode calls tell.
        texts: one a decoded token, in order.
        over: the model has ended its turn, though the runtime goes on.
    """

    decoder: AnswerDecoder
    generation: Generation = field(default_factory=Generation)
    texts: list[str | None] = field(default_factory=list)
    over: bool = False


@dataclass(slots=True)
class OpenTicket:
    """A prompt under its ticket, and the answer to it.

    Attributes:
        line: see `Ticket.line`.
        model: whose prompt it is; the gateway of another model does not know it.
        ids: the prompt; never empty.
        resets: the runtime was asked to drop its KV cache before it takes this prompt.
        head: how many of its first ids a reset puts into the KV cache; fewer than all.
        prompt: as it was encoded; kept where the runtime will ask for it once more, with its pictures.
        tools: it offers tools.
        answer: None until the runtime has asked for the prompt.
        used: monotonic seconds of the last call that concerned it.
    """

    line: str
    model: str
    ids: tuple[int, ...]
    resets: bool
    used: float
    head: int = 1
    prompt: EncodedPrompt | None = None
    tools: bool = False
    answer: Answer | None = None


class TicketBook:
    """The open tickets of all models; bounded in number and in time.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tickets: dict[str, OpenTicket] = {}  # the one used longest ago comes first
        self._closed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._tickets)

    def open(
        self,
        model: str,
        ids: Sequence[int],
        *,
        resets: bool,
        head: int = 1,
        prompt: EncodedPrompt | None = None,
        tools: bool = False,
    ) -> OpenTicket:
        """Keep a prompt; the oldest tickets go when there are too many, or when they ran out."""
        self._forget_old()
        line = TICKET_PREFIX + secrets.token_hex(16)
        ticket = OpenTicket(line, model, tuple(ids), resets, self._clock(), head, prompt, tools)
        self._tickets[line] = ticket
        return ticket

    def find(self, model: str, line: str) -> OpenTicket | None:
        """The ticket of that line, if it is one of this model's."""
        ticket = self._tickets.get(line)
        return ticket if ticket is not None and ticket.model == model else None

    def touch(self, ticket: OpenTicket) -> None:
        """Note that a ticket is in use: a long answer does not run out."""
        ticket.used = self._clock()
        if self._tickets.pop(ticket.line, None) is not None:
            self._tickets[ticket.line] = ticket

    def waiting_for_reset(self, model: str) -> OpenTicket | None:
        """The newest ticket of a model for which the runtime is about to drop its KV cache."""
        for ticket in reversed(self._tickets.values()):
            if ticket.model == model and ticket.resets and ticket.answer is None:
                return ticket
        return None

    def close(self, line: str) -> OpenTicket | None:
        """Take a ticket out; None when there is no such."""
        ticket = self._tickets.pop(line, None)
        self._closed.set()
        return ticket

    async def all_closed(self, model: str) -> None:
        """Return when a model has no open ticket, or none that anybody still asks for."""
        while (silent := self._silent_for(model)) < _SILENCE:
            self._closed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_SILENCE - silent):
                    await self._closed.wait()

    def _silent_for(self, model: str) -> float:
        """Seconds since a ticket of a model was used last; infinity when it has none."""
        used = (ticket.used for ticket in self._tickets.values() if ticket.model == model)
        return self._clock() - max(used, default=-math.inf)

    async def empty(self) -> None:
        """Return as soon as no model has an open ticket."""
        while self._tickets:
            self._closed.clear()
            await self._closed.wait()

    def forget(self, model: str) -> None:
        """Drop every ticket of a model: its tokenizer stops."""
        for line in [line for line, ticket in self._tickets.items() if ticket.model == model]:
            del self._tickets[line]
        self._closed.set()

    def _forget_old(self) -> None:
        while self._tickets:
            oldest = next(iter(self._tickets.values()))
            if len(self._tickets) < _MOST and self._clock() - oldest.used < _SECONDS:
                return
            del self._tickets[oldest.line]
