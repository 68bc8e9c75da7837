"""Programs that are started again at once when they end, as Docker's `restart: unless-stopped` does."""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from e2e.processes import MARK, kill_all


class Supervised:
    """One `axm1` command, life after life.

    Args:
        command: its arguments.
        log: the file that it writes to.

    Attributes:
        mark: what all processes of the present life carry in their environment.
        lives: how many there were.
    """

    def __init__(self, *command: str, log: Path) -> None:
        self._command = command
        self._log = log
        self.mark = ""
        self.lives = 0
        self._process: asyncio.subprocess.Process | None = None

    @property
    def name(self) -> str:
        return self._command[0]

    @property
    def pid(self) -> int:
        """Of the present life."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> str:
        """SIGKILL; gives the mark of the life that it ended."""
        assert self._process is not None
        mark = self.mark
        self._process.kill()
        return mark

    async def keep(self) -> None:
        """Run it for ever."""
        with self._log.open("ab") as log:
            while True:
                self.mark = uuid.uuid4().hex
                path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "axm1_llm.cli", *self._command),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "PATH": path, "NO_COLOR": "1", MARK: self.mark},
                    start_new_session=True,
                )
                self.lives += 1
                await self._process.wait()


@asynccontextmanager
async def supervised(*programs: Supervised) -> AsyncIterator[None]:
    """Keeps them running; leaving the block ends them with all of their processes."""
    tasks = [asyncio.create_task(program.keep()) for program in programs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for program in programs:
            await asyncio.to_thread(kill_all, program.mark)
