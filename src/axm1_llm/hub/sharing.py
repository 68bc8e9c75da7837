"""The downloads of a service: clients that want the same model share one; it ends with the last of them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from axm1_llm.errors import Axm1Error, PullError, PullNotAllowedError, RequestCancelledError
from axm1_llm.hub.pulling import Line, pull

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from pathlib import Path

    from axm1_llm.hub.wanted import Wanted

_MOST_WAITING = 64  # lines; of a client that reads slowly the older ones go


class Watching:
    """What one client sees of a download."""

    def __init__(self) -> None:
        self._lines = asyncio.Queue[Line | Axm1Error | None]()

    def put(self, line: Line | Axm1Error | None) -> None:
        """One more line, the error that ends it, or None for a good end."""
        if self._lines.qsize() >= _MOST_WAITING:
            self._lines.get_nowait()
        self._lines.put_nowait(line)

    def leave(self) -> None:
        """The client is gone."""
        self.put(RequestCancelledError())

    async def lines(self) -> AsyncIterator[Line]:
        """All that is said, until the model can be used.

        Raises:
            Axm1Error: it never can.
        """
        while (line := await self._lines.get()) is not None:
            if isinstance(line, Axm1Error):
                raise line
            yield line


class _Download:
    def __init__(self, work: Callable[[Callable[[Line], None]], Awaitable[object]]) -> None:
        self.watching: set[Watching] = set()
        self._last: Line | None = None
        self.task = asyncio.create_task(self._run(work))

    def add(self, watching: Watching) -> None:
        self.watching.add(watching)
        if self._last is not None:
            watching.put(self._last)

    async def _run(self, work: Callable[[Callable[[Line], None]], Awaitable[object]]) -> None:
        end: Axm1Error | None = PullError(
            "the download was ended; pull again to go on: what has come is kept"
        )
        try:
            await work(self._tell)
            end = None
        except Axm1Error as error:
            end = error
        finally:
            for each in self.watching:
                each.put(end)

    def _tell(self, line: Line) -> None:
        self._last = line
        for each in self.watching:
            each.put(line)


class Pulls:
    """All downloads in hand.

    Args:
        descriptor: the file in which models are described.
        environ: of the processes that download.
        taken: called after a model was added; returns when the service knows it.
        refusal: why clients may not pull; None: they may.
    """

    def __init__(
        self,
        descriptor: Path,
        environ: Mapping[str, str],
        taken: Callable[[], Awaitable[object]],
        refusal: str | None = None,
    ) -> None:
        self._descriptor = descriptor
        self._environ = environ
        self._taken = taken
        self._refusal = refusal
        self._running: dict[Wanted, _Download] = {}

    def check_allowed(self) -> None:
        """Nothing, if clients may pull.

        Raises:
            PullNotAllowedError: they may not.
        """
        if self._refusal is not None:
            raise PullNotAllowedError(self._refusal)

    @asynccontextmanager
    async def join(self, wanted: Wanted) -> AsyncIterator[Watching]:
        """Watch the download of a model, which begins with its first watcher and ends with its last."""
        watching = Watching()
        download = await self._download(wanted)
        download.add(watching)
        try:
            yield watching
        finally:
            download.watching.discard(watching)
            if not download.watching:
                download.task.cancel()

    async def aclose(self) -> None:
        """End all downloads."""
        tasks = [download.task for download in self._running.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _download(self, wanted: Wanted) -> _Download:
        while (found := self._running.get(wanted)) is not None:
            if found.watching and not found.task.done():
                return found
            await asyncio.wait((found.task,))  # the last watcher of it has just left: it lets go of its files
            if self._running.get(wanted) is found:
                del self._running[wanted]
        started = _Download(lambda tell: self._pull(wanted, tell))
        self._running[wanted] = started
        started.task.add_done_callback(lambda _: self._forget(wanted, started))
        return started

    def _forget(self, wanted: Wanted, download: _Download) -> None:
        if self._running.get(wanted) is download:
            del self._running[wanted]

    async def _pull(self, wanted: Wanted, tell: Callable[[Line], None]) -> None:
        log = structlog.get_logger().bind(repo=wanted.repo, model=wanted.name)
        log.info("pull_started", revision=wanted.revision, variant=wanted.variant)
        try:
            await pull(wanted, self._descriptor, self._environ, tell)
            await self._taken()
        except asyncio.CancelledError:
            log.info("pull_cancelled")
            raise
        except Axm1Error as error:
            log.warning("pull_failed", reason=str(error))
            raise
        log.info("pull_finished")
