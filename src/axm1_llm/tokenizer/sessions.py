"""Who asks the gateway, and what that runtime holds in its KV cache."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axm1_llm.tokenizer.prompts import CacheSize
    from axm1_llm.tokenizer.tickets import Answer, OpenTicket

# A model has one runtime; somebody may run its script by hand beside it. Each holds the ids of its whole
# context: with 64 of them, a model whose runtime was replaced often took 20 MB (seen in a soak).
_MOST = 8


@dataclass(slots=True)
class Session:
    """One runtime: a peer address, or a ``uid`` of a context build.

    Attributes:
        ticket: what it answers; None between prompts and for text that is no ticket.
        answer: what it generates now.
        held: the ids in its KV cache (context builds); None when they are not known for certain.
        remaining: room behind them, as the runtime said after the last answer; None: it said nothing.
        unreset: it works on a prompt before which it should have dropped its KV cache, and has not.
        context: it is a context build; others hold nothing from one prompt to the next.
    """

    ticket: OpenTicket | None = None
    answer: Answer | None = None
    held: tuple[int, ...] | None = ()
    remaining: int | None = None
    unreset: bool = False
    context: bool = False

    def missing(self, prompt: Sequence[int]) -> tuple[int, ...] | None:
        """The ids that the runtime must add to what it holds to have `prompt`; None if it cannot.

        Never empty: the runtime reads past the end of an empty list.
        """
        if self.held is None or len(self.held) >= len(prompt):
            return None
        if tuple(prompt[: len(self.held)]) != self.held:
            return None
        return tuple(prompt[len(self.held) :])

    def has_room(self, count: int, cache: CacheSize | None) -> bool:
        """Whether the KV cache takes so many more ids."""
        left = self.remaining
        if left is None and cache is not None:
            left = cache.capacity - len(self.held or ())
        if left is None or not self.held:  # an empty one takes what the limit of prompts allows
            return True
        return count <= (left if cache is None else left // cache.chunk * cache.chunk)

    def start(self, held: tuple[int, ...]) -> None:
        """A conversation begins anew, with these ids in the KV cache."""
        self.ticket = self.answer = self.remaining = None
        self.unreset = False
        self.held = held

    def settle(
        self, generated: Sequence[int], held: int | None, remaining: int | None = None, *, complete: bool
    ) -> None:
        """An answer is over: reckon what the KV cache holds now.

        Args:
            generated: every token of the answer.
            held: what the runtime printed as ``precompute_len``; believed before any count, since the
                end-of-answer id was never fed, and after a stop the last token may not have been either.
            remaining: what it printed beside it.
            complete: the answer came to its own end, so that a count without `held` is right.
        """
        self.remaining = remaining
        if self.unreset:
            self.held, self.unreset = None, False
            return
        known = None if self.held is None else self.held + tuple(generated)
        if known is None or (held is None and not complete) or (held or 0) > len(known):
            self.held = None
        else:
            self.held = known if held is None else known[:held]


class Sessions:
    """The runtimes that one gateway knows; the one that was quiet longest is forgotten first."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._context: Session | None = None

    @property
    def context(self) -> Session | None:
        """The newest context build; None when none has asked for a ``uid``."""
        return self._context

    def new_uid(self) -> str:
        """Register a context build."""
        uid = str(uuid.uuid4())
        self._context = self._add(uid, Session(context=True))
        return uid

    def of_context(self, uid: str) -> Session:
        """The session of a context build.

        One that is not known was met by a gateway before this one, so its KV cache may hold anything.
        """
        if uid not in self._sessions:
            self._context = self._add(uid, Session(held=None, context=True))
        return self.of(uid)

    def of(self, name: str) -> Session:
        """The session of that name, made when it is new."""
        known = self._sessions.pop(name) if name in self._sessions else Session()
        return self._add(name, known)

    def _add(self, name: str, session: Session) -> Session:
        if len(self._sessions) >= _MOST:
            del self._sessions[next(iter(self._sessions))]
        self._sessions[name] = session
        return session

    def holding(self, ticket: OpenTicket) -> list[Session]:
        """The sessions that answer this ticket."""
        return [session for session in self._sessions.values() if session.ticket is ticket]
