"""Waits for news of a server while a job is with it: events of its stream, lines of its log, its death."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from axm1_llm.engine.axllm.stream import Broken, ChatEvent
from axm1_llm.errors import RuntimeDiedError, RuntimeStalledError
from axm1_llm.runtime.events import LogLine

if TYPE_CHECKING:
    from axm1_llm.engine.axllm.client import Call
    from axm1_llm.engine.axllm.session import ServerSession

_DEATH = 1.0  # seconds in which a process whose connections broke off is found dead
_SETTLE = 0.05  # seconds for what comes by another way: the log beside the stream, the stream beside a death


class Listener:
    """Listens to one server during one job at a time.

    Args:
        session: the server's process.

    Attributes:
        complaint: the first error line since the job began.
    """

    def __init__(self, session: ServerSession) -> None:
        self._session = session
        self._loop = asyncio.get_running_loop()
        self.complaint = ""

    def begin(self) -> None:
        """A job begins; what was logged before belongs to others."""
        self._session.drain()
        self.complaint = ""

    def wake(self, _: object) -> None:
        """Have whoever listens look up."""
        self._session.news.set()

    async def next_event(self, call: Call, deadline: float) -> ChatEvent | None:
        """The next event of the stream; None when the news were others, and at `deadline`.

        Raises:
            RuntimeDiedError: the process is gone.
            RuntimeStalledError: what came is no answer, or the connection broke off.
        """
        if (event := call.take()) is None and not call.ended:
            event = await self._news_of(call, deadline)
        if event is None and call.ended:
            event = Broken("it closed the connection in the middle of an answer")
        if isinstance(event, Broken):
            raise await self.failure(event)
        return event

    async def _news_of(self, call: Call, deadline: float) -> ChatEvent | None:
        try:
            await self.listen(deadline)
        except RuntimeDiedError:
            await call.closed(_SETTLE)  # what it sent before its death comes first
            if (event := call.take()) is None:
                raise
            return event
        return call.take()

    async def listen(self, deadline: float) -> None:
        """Wait for any news, until `deadline` at most.

        Raises:
            RuntimeDiedError: the process is gone.
        """
        told = await self._session.event_before(deadline)
        if isinstance(told, LogLine) and told.level == "E":
            self.complaint = self.complaint or told.text

    async def settle(self) -> None:
        """Take in what was logged just now: it comes by another way than the stream."""
        await self._listen_for(_SETTLE)

    async def failure(self, broken: Broken) -> RuntimeStalledError:
        """The error for a connection that is of no more use.

        Raises:
            RuntimeDiedError: the process is gone; that is what broke it off.
        """
        await self._listen_for(_DEATH)
        return self.stalled(f"the server failed: {broken.reason}")

    def stalled(self, reason: str) -> RuntimeStalledError:
        """The error for a server that is of no more use, with its last lines."""
        return RuntimeStalledError(self._session.model, reason, tuple(self._session.facts.log))

    async def _listen_for(self, seconds: float) -> None:
        deadline = self._loop.time() + seconds
        while self._loop.time() < deadline:
            await self.listen(deadline)
