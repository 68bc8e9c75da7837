"""One life of a runtime: its child, its parser, and what its output has told so far."""

from __future__ import annotations

import asyncio
import math
import signal
from collections import deque
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from axm1_llm.engine.facts import RuntimeFacts
from axm1_llm.errors import ModelError, RuntimeDiedError, RuntimeStalledError, RuntimeStuckError
from axm1_llm.runtime.events import (
    Event,
    LogLine,
)
from axm1_llm.runtime.parser import OutputParser

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from axm1_llm.child import Child


class Spawn(Protocol):
    """The seam at which tests put a child of their own; `axm1_llm.child.start_child` fits."""

    def __call__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        on_stdout: Callable[[bytes], None],
        on_stderr: Callable[[bytes], None],
    ) -> AbstractAsyncContextManager[Child]:
        """Start a child; see `start_child`."""
        ...


class RuntimeSession:
    """A runtime, as a stream of events with deadlines. Started by `start_session`.

    Args:
        model: its name in the descriptor.
        news: set whenever there is something to look at.

    Attributes:
        facts: what the runtime has told so far.
    """

    def __init__(self, model: str, news: asyncio.Event) -> None:
        self.model = model
        self.news = news
        self._parser = OutputParser()
        self._events: deque[Event] = deque()
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()  # the last event, or the last line written
        self._alarm: asyncio.TimerHandle | None = None
        self.child: Child | None = None
        self.facts = RuntimeFacts()

    async def next_event(self, silence: float) -> Event | None:
        """The next event; None when somebody set the news for another reason.

        Output that makes no event, such as a line without an end, counts as silence.

        Raises:
            RuntimeDiedError: the process is gone and all of its output was read.
            RuntimeStalledError: no event came for `silence` seconds, counted from the last one or from
                the last line written.
        """
        if self._events:
            return self._take_event()
        deadline = self._heard + silence
        event = await self.event_before(deadline)
        if event is None and self._loop.time() >= deadline:
            reason = f"the runtime printed nothing for {silence:g} s"
            raise RuntimeStalledError(self.model, reason, tuple(self.facts.log))
        return event

    async def event_before(self, deadline: float) -> Event | None:
        """The next event; None at `deadline` (on the loop's clock), and when the news was set by another.

        Raises:
            RuntimeDiedError: the process is gone and all of its output was read.
        """
        if not self._events:
            if self._exit_code is not None:
                raise self._death()
            self.news.clear()
            self._wake_at(deadline)
            await self.news.wait()
        return self._take_event() if self._events else None

    def _take_event(self) -> Event:
        event = self._events.popleft()
        self._heard = self._loop.time()
        self.facts.note(event)
        return event

    def _wake_at(self, deadline: float) -> None:
        """Have the news set at `deadline`, or before it.

        One that rings too early is left to ring, and the wait that it ends is looked at once more: that
        happens once in a deadline, where a timer of its own for each token would be made thousands of times.
        """
        if deadline == math.inf or (self._alarm is not None and self._alarm.when() <= deadline):
            return
        self.drop_alarm()
        self._alarm = self._loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self.news.set()

    def drop_alarm(self) -> None:
        """Forget every deadline: it would keep all that hangs on the session in memory."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def write(self, line: bytes, *, bare: bool = False) -> None:
        """Put a line on stdin; `bare` says that its answer comes without frames.

        Raises:
            RuntimeDiedError: the process is gone.
        """
        assert self.child is not None  # noqa: S101 - set before anybody gets the session
        if bare:
            self._parser.begin_bare_answer()
        self._heard = self._loop.time()
        try:
            self.child.write(line)
        except BrokenPipeError:
            raise self._death() from None

    def interrupt(self) -> None:
        """Ask the runtime to stop the current answer."""
        assert self.child is not None  # noqa: S101 - set before anybody gets the session
        self.child.interrupt()

    async def stop(self, farewell: bytes) -> None:
        """Ask the runtime to leave with its own word, and make it leave if it does not."""
        assert self.child is not None  # noqa: S101 - set before anybody gets the session
        await self.child.stop(farewell)

    async def gone_within(self, seconds: float) -> None:
        """Return when the process is gone, or after so many seconds."""
        assert self.child is not None  # noqa: S101 - set before anybody gets the session
        await asyncio.wait((self.child.exited,), timeout=seconds)

    def drain(self) -> None:
        """Note what came since the last prompt: a late mark must not end the next one."""
        while self._events:
            self.facts.note(self._events.popleft())

    @property
    def _exit_code(self) -> int | None:
        exited = self.child.exited if self.child else None
        return exited.result() if exited is not None and exited.done() else None

    def take_stdout(self, data: bytes) -> None:
        """Read a chunk of the runtime's stdout."""
        self._events.extend(self._parser.feed(data))
        self.news.set()

    def take_stderr(self, data: bytes) -> None:
        """Keep a chunk of the runtime's stderr, where a shell says "Segmentation fault"."""
        lines = data.decode("utf-8", "replace").splitlines()
        self._events.extend(LogLine(line) for line in lines if line.strip())
        self.news.set()

    def take_exit(self, _: object) -> None:
        """Notice that the process is gone."""
        self._events.extend(self._parser.finish())
        self.news.set()

    def _death(self) -> RuntimeDiedError:
        code = self._exit_code
        reason = self.facts.failure or f"the runtime exited{_explain(code)}"
        return RuntimeDiedError(self.model, reason, tuple(self.facts.log))


def _explain(code: int | None) -> str:
    """An exit code in words; a shell reports a signal that ended its program as 128 plus its number."""
    if code is None:
        return ""
    number = -code if code < 0 else code - 128
    try:
        return f" with code {code} ({signal.Signals(number).name})"
    except ValueError:
        return f" with code {code}"


@asynccontextmanager
async def start_session(
    spawn: Spawn, session: RuntimeSession, command: Sequence[str], folder: Path, env: Mapping[str, str]
) -> AsyncIterator[None]:
    """Start the runtime of `session`; leaving the block ends it.

    Args:
        spawn: how a child is started.
        session: a new one.
        command: the program and its arguments.
        folder: where it runs.
        env: its whole environment.

    Raises:
        RuntimeDiedError: the program cannot be executed.
        RuntimeStuckError: it could not be ended.
    """
    child = spawn(command, cwd=folder, env=env, on_stdout=session.take_stdout, on_stderr=session.take_stderr)
    try:
        async with AsyncExitStack() as stack:
            try:
                session.child = await stack.enter_async_context(child)
            except OSError as error:
                raise RuntimeDiedError(session.model, str(error)) from error
            session.child.exited.add_done_callback(session.take_exit)
            stack.callback(session.drop_alarm)
            yield
    except ModelError as error:
        if session.child is None or session.child.exited.done():
            raise
        raise _stuck(session, f"{error.reason}; then ") from error
    if not session.child.exited.done():
        raise _stuck(session)


def _stuck(session: RuntimeSession, before: str = "") -> RuntimeStuckError:
    reason = f"{before}its process survived SIGKILL: it hangs in the card's driver"
    return RuntimeStuckError(session.model, reason, tuple(session.facts.log))
