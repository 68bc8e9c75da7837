"""The process of a vendor's tokenizer script: started, watched, its last lines kept."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from axm1_llm.child import start_child
from axm1_llm.tokenizer.script_calls import ScriptCallError, ScriptCalls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from axm1_llm.child import Child

_CALL = 5.0
_MOST_LINES = 20
_MOST_LINE = 500
_HOST = "127.0.0.1"


class ScriptError(Exception):
    """The script did not come up, or died.

    Attributes:
        log_tail: its last lines, oldest first.
        exit_code: None while it lives.
    """

    def __init__(self, reason: str, log_tail: tuple[str, ...], exit_code: int | None = None) -> None:
        super().__init__(reason)
        self.log_tail = log_tail
        self.exit_code = exit_code

    @property
    def lost_port(self) -> bool:
        """Whether another program had its port."""
        return any("Address already in use" in line for line in self.log_tail)


class _LastLines:
    """The last lines that the script printed before it was ready.

    What it prints afterwards is not kept: vendors' scripts print prompts.
    """

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)
        self._rest = b""
        self.kept = True

    def feed(self, data: bytes) -> None:
        if not self.kept:
            return
        *whole, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-_MOST_LINE:]
        self._lines.extend(_readable(line) for line in whole if line.strip())

    @property
    def lines(self) -> tuple[str, ...]:
        rest = (_readable(self._rest),) if self._rest.strip() else ()
        return (*self._lines, *rest)


@dataclass(frozen=True, slots=True)
class Script:
    """How to run a tokenizer script.

    Attributes:
        file: ``tokenizer_py``.
        folder: ``tokenizer_path``, where it runs.
        env: its whole environment.
        deadline: seconds until it must answer; `transformers` takes many on a slow machine.
    """

    file: str
    folder: Path
    env: Mapping[str, str]
    deadline: float = 60.0


@dataclass(frozen=True, slots=True)
class RunningScript:
    """A script that answers.

    Attributes:
        child: its process.
        calls: how to ask it.
        bos_id: -1 when there is none.
        eos_id: the same.
        image_ids: tokens around and of a picture, those that it knows.
    """

    child: Child
    calls: ScriptCalls
    bos_id: int
    eos_id: int
    image_ids: Mapping[str, int]


@asynccontextmanager
async def run_script(script: Script, *, with_host: bool = True) -> AsyncIterator[RunningScript]:
    """Start the script on a free port of this machine only; given when it truly answers.

    Args:
        script: what to run.
        with_host: pass ``--host 127.0.0.1``; a script that does not know it says so and exits with 2.

    Raises:
        ScriptError: it did not come up.
    """
    port = _free_port()
    host = ("--host", _HOST) if with_host else ()
    said = _LastLines()
    env = {**script.env, "PYTHONUNBUFFERED": "1"}  # else its last words stay in its buffer
    argv = ("python3", script.file, *host, "--port", str(port))
    async with AsyncExitStack() as stack:
        try:
            child = await stack.enter_async_context(
                start_child(argv, cwd=script.folder, env=env, on_stdout=said.feed, on_stderr=said.feed)
            )
        except OSError as error:
            raise ScriptError(f"the tokenizer script cannot be started: {error}", ()) from error
        calls = ScriptCalls(port, _CALL)
        stack.push_async_callback(calls.aclose)
        bos_id, eos_id = await _until_answered(script, child, calls, said, port)
        image_ids = await calls.image_ids()
        said.kept = False
        yield RunningScript(child, calls, bos_id, eos_id, image_ids)


async def _until_answered(
    script: Script, child: Child, calls: ScriptCalls, said: _LastLines, port: int
) -> tuple[int, int]:
    pause = 0.02
    try:
        async with asyncio.timeout(script.deadline):
            while True:
                try:
                    return await calls.open()
                except ScriptCallError:
                    # Wakes at once when it dies; otherwise asks again a little later.
                    await asyncio.wait((child.exited,), timeout=pause)
                if child.exited.done():
                    code = child.exited.result()
                    reason = f"the tokenizer script '{script.file}' exited with {code} while it started"
                    raise ScriptError(reason, said.lines, code)
                pause = min(pause * 1.5, 0.5)
    except TimeoutError:
        raise ScriptError(
            f"the tokenizer script '{script.file}' did not answer at port {port} in {script.deadline:g} s; "
            "it must listen where --port says",
            said.lines,
        ) from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _readable(line: bytes) -> str:
    text = line.decode("utf-8", "replace").rstrip()[:_MOST_LINE]
    return "".join(char if char.isprintable() else " " for char in text)
