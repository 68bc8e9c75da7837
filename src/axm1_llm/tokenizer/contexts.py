"""Context builds: what their KV cache holds for the next prompt, and how it is dropped.

A build that keeps its history knows the word ``reset``, or, in older ones, does not: then it must be
started anew for each conversation.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from axm1_llm.errors import Axm1Error
from axm1_llm.tokenizer.prompts import Message, PromptSpec
from axm1_llm.tokenizer.reuse import continued
from axm1_llm.tokenizer.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axm1_llm.tokenizer.backend import Backend
    from axm1_llm.tokenizer.prompts import CacheSize
    from axm1_llm.tokenizer.sessions import Session
    from axm1_llm.tokenizer.tickets import TicketBook


@dataclass(frozen=True, slots=True)
class Plan:
    """How a prompt gets to the runtime.

    Attributes:
        ids: the whole prompt.
        cached: how many of them are held already.
        resets: the runtime must drop its KV cache first.
        restarts: the same, by a build that must be started anew for it.
        head: how many ids a reset shall put into the KV cache.
    """

    ids: tuple[int, ...]
    cached: int
    resets: bool
    restarts: bool
    head: int


class ContextBuilds:
    """The KV caches of one model's runtimes; of those that have none too.

    Args:
        model: its name.
        backend: its tokenizer.
        tickets: where its tickets are kept.
        deadline: seconds that the backend has for a call of the runtime.
    """

    def __init__(self, model: str, backend: Backend, tickets: TicketBook, deadline: float) -> None:
        self.sessions = Sessions()
        self._backend = backend
        self._model = model
        self._tickets = tickets
        self._deadline = deadline
        self._knows_reset = True  # until a build takes the word for a prompt
        self._opening: int | None = (
            None  # the first id of the prompt for which a cache was to be dropped last
        )
        self._log = structlog.get_logger().bind(model=model)

    def plan(self, prompt: tuple[int, ...], spec: PromptSpec, more: int = 0) -> Plan:
        """What is to be done for a prompt with these ids, before the next runtime works on it.

        Args:
            prompt: its ids.
            spec: what was asked for.
            more: ids that will come to it with its pictures.
        """
        context = self.sessions.context
        if context is None:
            return Plan(prompt, 0, resets=False, restarts=False, head=1)
        ids = continued(context.held or (), prompt, self._backend.spell)
        if spec.limit is not None and len(ids) + more > spec.limit:
            ids = prompt
        missing = context.missing(ids)
        if missing is not None and context.has_room(len(missing) + more, spec.cache):
            return Plan(ids, len(ids) - len(missing), resets=False, restarts=False, head=1)
        self._opening = prompt[0]
        head = _head(len(prompt), spec.cache)
        return Plan(prompt, 0, resets=self._knows_reset, restarts=not self._knows_reset, head=head)

    async def reset(self, uid: str, system_prompt: str | None) -> tuple[int, ...]:
        """The ids with which a context build starts a conversation; never empty.

        When a ticket waits for this reset they are the first of its prompt: all that a reply to its
        ``/encode`` still has to add is then the rest. Otherwise they are what every conversation with
        this system prompt starts with.
        """
        session = self.sessions.of_context(uid)
        starts = session.held == ()  # a runtime's first reset is its own, whatever waits
        ticket = None if starts else self._tickets.waiting_for_reset(self._model)
        if starts and not self._knows_reset and self._opening is not None:
            # It was started anew for a prompt that this must be the beginning of.
            held: tuple[int, ...] = (self._opening,)
        elif ticket is None:
            held = await self._start_of_conversation(system_prompt)
        elif len(ticket.ids) > 1:
            held = ticket.ids[: ticket.head]
        else:  # the only id of the prompt must be left for its /encode
            held = self.filler()
        self._knows_reset = self._knows_reset or not starts
        session.start(held)
        return held

    def drop(self, uid: str) -> None:
        """A context build of the kind that starts a conversation with nothing has dropped its KV cache."""
        self._knows_reset = True
        self.sessions.of_context(uid).start(())

    def kept(self, session: Session) -> None:
        """A build went on without dropping its KV cache; what it answers now nobody must see."""
        if session.ticket is None or session.ticket.resets:
            self._knows_reset = False
        session.unreset = True
        self._log.warning("runtime_did_not_reset")

    def filler(self) -> tuple[int, ...]:
        """One id that says nothing, where a reply must hold at least one."""
        backend = self._backend
        return (next((token for token in (backend.bos_id, backend.eos_id) if token >= 0), 0),)

    async def _start_of_conversation(self, system_prompt: str | None) -> tuple[int, ...]:
        system = () if system_prompt is None else (Message("system", system_prompt),)
        try:
            async with asyncio.timeout(self._deadline):
                first, second = [
                    (await self._backend.encode_prompt(PromptSpec((*system, Message("user", text))))).ids
                    for text in ("a", "b")
                ]
        except (Axm1Error, TimeoutError) as error:
            self._log.warning("system_prompt_not_encoded", error=type(error).__name__)
            return self.filler()
        return _common_start(first, second) or self.filler()


def _head(count: int, cache: CacheSize | None) -> int:
    """How many of a prompt's ids a reset shall hold: one, or a whole chunk if the rest needs all the room.

    Behind a single id a chunk is lost by rounding. More is not held, since nothing stops a reset.
    """
    if cache is None or count - 1 <= (cache.capacity - 1) // cache.chunk * cache.chunk:
        return 1
    return min(cache.chunk, count - 1)


def _common_start(first: Sequence[int], second: Sequence[int]) -> tuple[int, ...]:
    for index, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return tuple(first[:index])
    return tuple(first[: len(second)])
