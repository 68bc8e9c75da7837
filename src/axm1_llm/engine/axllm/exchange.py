"""One prompt with the server: the request, its stream, and the wait until the server is free again.

The server can neither be told to stop an answer, nor does it notice that nobody reads it any more (seen
in its source): it works on until the answer ends. Only the end of the stream says that it is free.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from axm1_llm.engine.answering import Answer
from axm1_llm.engine.axllm.client import Call
from axm1_llm.engine.axllm.refusals import error_of, is_too_long
from axm1_llm.engine.axllm.request import chat_body, tries
from axm1_llm.engine.axllm.stream import Calls, ChatEvent, Ended, Finish, Piece, Refused, Usage
from axm1_llm.engine.generation import Delta, DoneReason
from axm1_llm.engine.states import ModelStates, State, Trigger
from axm1_llm.errors import ModelError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from axm1_llm.engine.axllm.client import ServerClient
    from axm1_llm.engine.axllm.listening import Listener
    from axm1_llm.engine.axllm.session import ServerSession
    from axm1_llm.engine.deadlines import Deadlines
    from axm1_llm.engine.generation import Generation
    from axm1_llm.tokenizer.prompts import Message

_LAST_WORDS = 1.0  # seconds for the end of an answer that has all of its tokens


@dataclass(frozen=True, slots=True)
class Server:
    """What one life of a server is made of.

    Attributes:
        name: the model's name in the server.
        session: its process.
        client: speaks to it.
        listener: listens to it.
        patience: seconds that the rest of an answer which nobody wants may take.
        leaving: whether the process is to go, so that no rest of an answer need be waited for.
    """

    name: str
    session: ServerSession
    client: ServerClient
    listener: Listener
    patience: float
    leaving: Callable[[], bool]


@dataclass(slots=True)
class _Ending:
    """What the server has said of the end of an answer."""

    refusal: Refused | None = None
    reason: str | None = None
    usage: Usage | None = None
    done: bool = False

    def note(self, event: ChatEvent | None) -> None:
        match event:
            case Refused():
                self.refusal = event
            case Finish(reason):
                self.reason = reason
            case Usage():
                self.usage = event
            case Ended():
                self.done = True
            case _:
                pass


class ServerExchange:
    """Leads one server through prompts, one at a time.

    Args:
        machine: the model's states; this class fires those of a prompt.
        server: see there.
        deadlines: see there.
        clock: the monotonic clock, in nanoseconds.
    """

    def __init__(
        self, machine: ModelStates, server: Server, deadlines: Deadlines, clock: Callable[[], int]
    ) -> None:
        self._machine = machine
        self._server = server
        self._deadlines = deadlines
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._model = server.session.model
        self.answer: Answer | None = None

    async def run(self, generation: Generation, load: int) -> None:
        """See `Runtime.answer`."""
        if generation.request.prompt.template is not None:
            raise UnsupportedError(f'"{self._model}" does not support a template of the request')
        self._server.listener.begin()
        generation.prompt_tokens = 0  # the server tells it at the end of the answer
        answer = self.answer = Answer(generation, 0, load, self._clock())
        self._machine.fire(Trigger.PROMPT_WRITTEN)
        refusal: Refused | None = None
        for turns in tries(generation.request.prompt):
            refusal = await self._try(answer, turns)
            if refusal is None or generation.done or not is_too_long(refusal):
                break
        if refusal is not None:
            generation.fail(error_of(refusal, self._model, self._context, "generate"))
        if not (self._machine.state is State.CANCELLING and self._server.leaving()):
            self._machine.fire(Trigger.PROMPT_MARK)

    @property
    def _context(self) -> int | None:
        return self._server.session.facts.context_length

    async def _try(self, answer: Answer, turns: tuple[Message, ...] | None) -> Refused | None:
        """Ask once; the refusal when the server did not take the prompt."""
        body = chat_body(answer.generation.request, turns, self._server.name, self._context)
        call = Call(self._server.session.news)
        task = asyncio.create_task(self._server.client.chat(body, call))
        ending = _Ending()
        try:
            reason = await self._read(answer, call, ending)
            if reason is DoneReason.LENGTH:  # the server was told, and counts too: its figures are near
                await self._wait(call, ending, _LAST_WORDS)
            if reason is not None:
                _count(answer, ending)
                answer.complete(reason, self._clock())
            if not ending.done:
                await self._outlast(answer, call, ending)
            elif not answer.generation.done:
                return await self._finish(answer, ending)
        finally:
            task.cancel()
            await asyncio.wait((task,))
        return None

    async def _read(self, answer: Answer, call: Call, ending: _Ending) -> DoneReason | None:
        """Read the answer until it is complete (the reason), nobody wants it, or the server ends it."""
        while not answer.generation.done and not ending.done:
            silence = self._deadlines.prefill if answer.first_token is None else self._deadlines.output
            deadline = call.heard + silence
            event = await self._server.listener.next_event(call, deadline)
            ending.note(event)
            if event is None and call.heard + silence <= self._loop.time():
                raise self._server.listener.stalled(f"the server sent nothing for {silence:g} s")
            if isinstance(event, Piece | Calls) and (reason := self._add(answer, event)):
                return reason
        return None

    def _add(self, answer: Answer, event: Piece | Calls) -> DoneReason | None:
        if self._machine.state is State.PROCESSING_PROMPT:
            self._machine.fire(Trigger.FIRST_TOKEN)
        if isinstance(event, Piece):
            return answer.add(event.text, self._clock())
        answer.add("", self._clock())
        for call in event.calls:
            answer.generation.deliver(Delta(tool_call=call))
        return None

    async def _finish(self, answer: Answer, ending: _Ending) -> Refused | None:
        """The result of an answer that the server ended by itself."""
        if ending.refusal is not None:
            return ending.refusal
        if answer.first_token is None and ending.reason is None:
            # An answer without a token ends so, and so does a prompt that the server could not work on:
            # that one it only logs.
            await self._server.listener.settle()
            if complaint := self._server.listener.complaint:
                return Refused(complaint, kind="model_error")
        elif ending.reason is None:
            # Its own limit for the time of an answer has this form; the model still works on it.
            raise ModelError(self._model, "the server broke the answer off; see server_timeout_ms")
        _count(answer, ending)
        answer.complete(self._reason(answer, ending), self._clock())
        return None

    def _reason(self, answer: Answer, ending: _Ending) -> DoneReason:
        """Why it ended: the server says "stop" also at a limit."""
        limit = answer.generation.request.num_predict
        cut = limit is not None and answer.tokens >= limit
        full = self._context is not None and answer.prompt_tokens + answer.tokens >= self._context - 1
        return DoneReason.LENGTH if full or cut or ending.reason == "length" else DoneReason.STOP

    async def _outlast(self, answer: Answer, call: Call, ending: _Ending) -> None:
        """Wait for the end of an answer that nobody wants, about as long as a new start would take."""
        self._machine.fire(Trigger.CANCEL)
        if not await self._wait(call, ending, self._server.patience):
            raise self._server.listener.stalled(
                f"the rest of an answer that is not wanted took more than {self._server.patience:.0f} s, "
                "and the server cannot be told to stop"
            )
        _count(answer, ending)

    async def _wait(self, call: Call, ending: _Ending, seconds: float) -> bool:
        """Whether the answer ends within so many seconds, or need not, since the process goes."""
        deadline = self._loop.time() + seconds
        while not ending.done and not self._server.leaving():
            if self._loop.time() >= deadline:
                return False
            ending.note(await self._server.listener.next_event(call, deadline))
        return True


def _count(answer: Answer, ending: _Ending) -> None:
    """Take the server's figures where it has some: not every token makes an event."""
    if ending.usage is not None:
        answer.prompt_tokens = ending.usage.prompt_tokens
        answer.tokens = max(answer.tokens, ending.usage.generated_tokens)
