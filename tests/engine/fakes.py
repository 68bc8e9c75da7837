"""A child and a tokenizer that do exactly what a test says; they stand at the engine's two seams."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from axm1_llm.tokenizer.prompts import AnswerRecord, Ticket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    from axm1_llm.errors import Axm1Error
    from axm1_llm.tokenizer.prompts import PromptSpec

START_UP = (
    b"\x1b[1;30;32m[I][                            Init][ 122]: LLM init start\x1b[0m\n"
    b"\x1b[1;30;33m\r 50% | ##  |   1 /   2 [0.01s<0.03s, 200.00 count/s] "
    b"\x1b[1;30;32minit 0 axmodel ok,devid(0) remain_cmm(6433 MB)\x1b[0m\n"
    b"\x1b[1;30;32m[I][                            Init][ 206]: max_token_len : 1024\x1b[0m\n"
    b"\x1b[1;30;32m[I][                            Init][ 237]: LLM init ok\x1b[0m\n"
)
MARK = b">> "
TURN_OVER = b"\x02\x10.\x03"
END = b"\n\n\x1b[1;30;35m[N][                             Run][ 410]: hit eos,avg 96.85 token/s\n\x1b[0m\n"


def frames(*texts: str) -> bytes:
    """What the runtime prints for tokens that the gateway framed."""
    return b"".join(b"\x02" + text.encode() + b"\x03" for text in texts)


@dataclass
class FakeChild:
    """Stands for `Child`: records what is done to it, says what a test lets it say."""

    on_stdout: Callable[[bytes], None]
    on_stderr: Callable[[bytes], None]
    argv: Sequence[str]
    env: Mapping[str, str]
    exited: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    lines: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    interrupts: asyncio.Queue[None] = field(default_factory=asyncio.Queue)
    farewell: bytes | None = None
    pid: int = 1

    def write(self, data: bytes) -> None:
        if self.exited.done():
            raise BrokenPipeError
        self.lines.put_nowait(data)

    def interrupt(self) -> None:
        self.interrupts.put_nowait(None)

    async def stop(self, farewell: bytes = b"") -> int:
        if not self.exited.done():
            self.farewell = farewell
            self.exited.set_result(0)
        return self.exited.result()

    def say(self, data: bytes) -> None:
        self.on_stdout(data)

    def exit(self, code: int) -> None:
        self.exited.set_result(code)

    def start_up(self) -> None:
        self.say(START_UP + MARK)

    async def prompt(self) -> bytes:
        """The next line that was written on stdin."""
        async with asyncio.timeout(5):
            return await self.lines.get()


class FakeSpawn:
    """Stands for `start_child`; `child()` waits for the next one that the engine starts."""

    def __init__(self) -> None:
        self._started: asyncio.Queue[FakeChild] = asyncio.Queue()
        self.error: OSError | None = None

    async def child(self) -> FakeChild:
        async with asyncio.timeout(5):
            return await self._started.get()

    @asynccontextmanager
    async def __call__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        on_stdout: Callable[[bytes], None],
        on_stderr: Callable[[bytes], None],
    ) -> AsyncIterator[FakeChild]:
        if self.error is not None:
            raise self.error
        child = FakeChild(on_stdout, on_stderr, argv, env)
        self._started.put_nowait(child)
        try:
            yield child
        finally:
            await child.stop()


class FakeTokenizer:
    """Stands for `TokenizerClient`: hands out numbered tickets and remembers how they were closed."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.specs: list[PromptSpec] = []
        self.closed: list[tuple[str, int, int | None]] = []
        self.remaining: list[int | None] = []
        self.next: list[dict[str, Any]] = []  # what the next tickets say beside their line
        self.record = AnswerRecord((), 0, ended=True)
        self.start_error: Axm1Error | None = None
        self.ticket_errors: list[Axm1Error] = []
        self.resets = False
        self.opens_thinking = False
        self.restarts = 0  # tickets that ask for a fresh runtime
        self.template: str | None = "{{ messages }}"

    async def chat_template(self, model: str = "") -> str | None:
        return self.template

    async def start(self, model: str, *, anew: bool = False) -> None:
        self.started.append(model)
        if self.start_error is not None:
            raise self.start_error

    async def keep(self, model: str, patience: float) -> None:
        await asyncio.Event().wait()

    async def count(self, model: str, spec: PromptSpec) -> int:
        if self.ticket_errors:
            raise self.ticket_errors.pop(0)
        self.specs.append(spec)
        return 7

    async def open_ticket(self, model: str, spec: PromptSpec) -> Ticket:
        if self.ticket_errors:
            raise self.ticket_errors.pop(0)
        self.specs.append(spec)
        restarts, self.restarts = self.restarts > 0, self.restarts - 1
        ticket = Ticket(f"ticket-{len(self.specs)}", 7, self.resets, self.opens_thinking, restarts=restarts)
        return replace(ticket, **self.next.pop(0)) if self.next else ticket

    async def close_ticket(
        self, ticket: str, *, printed: int, held: int | None = None, remaining: int | None = None
    ) -> AnswerRecord:
        self.closed.append((ticket, printed, held))
        self.remaining.append(remaining)
        return self.record


@dataclass(slots=True)
class Place:
    """On the card, for whoever asks; once it is `granted`."""

    granted: bool = False
    refusal: Axm1Error | None = None

    def give_back(self) -> None:
        """It may be had again."""
