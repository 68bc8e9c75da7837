"""Reads the descriptor file again while a service runs: a good one is taken, a broken one is refused."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from axm1_llm.descriptors import find_descriptor, load_descriptors
from axm1_llm.descriptors.reading import Reading
from axm1_llm.errors import DescriptorError
from axm1_llm.services.watching import folder_watch, hang_up_watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from axm1_llm.descriptors import Descriptors
    from axm1_llm.settings import Settings

_CALM = 0.1  # seconds without a change before the file is read
_LONGEST_STORM = 2.0
# Editors, cp and scp write in steps, and some take the file away first: what cannot be used now may be
# whole in a moment.
_PATIENCE = 1.0

_Look = tuple[object, ...]


def _nothing() -> None:
    """Nobody else is to hear of SIGHUP."""


class DescriptorReader:
    """The descriptor file from the start of a service to its end.

    Args:
        place: the file, or the folder that holds it.
        started: what was read at the start.
        take: makes the service run what the file says now.
        tell: is told how the file was read last, whenever that is another.
    """

    def __init__(
        self,
        place: Path,
        started: Descriptors,
        take: Callable[[Descriptors], None],
        tell: Callable[[Reading], None] = lambda _: None,
    ) -> None:
        self._place = place
        self._take = take
        self._tell = tell
        self._reading = Reading(started.source, time.time())
        self._look: _Look | None = None  # how the file looked when it was read last
        self._problems: tuple[str, ...] = ()
        self._failed_at = 0.0
        self._said = True  # the log has them
        self._warnings = frozenset(started.warnings)  # the log has these too
        self._one = asyncio.Lock()
        self._news = asyncio.Event()
        self._log = structlog.get_logger()
        tell(self._reading)

    async def read_again(self) -> bool:
        """Take what the file says, if it is another than before; whether it can be used.

        Says nothing of one that cannot: that is `run`'s, when it stays so.
        """
        async with self._one:  # two at once could be taken in the wrong order
            look = await asyncio.to_thread(_look_at, self._place)
            if look != self._look:
                await self._read()
                self._look = look
            return not self._problems

    async def run(
        self, on_hang_up: Callable[[], None] = _nothing, on_read: Callable[[], None] = _nothing
    ) -> None:
        """Read the file again whenever it changes, and at SIGHUP; until it is cancelled.

        Args:
            on_hang_up: called at SIGHUP, before the file is read.
            on_read: called when all that was to be read is read, whatever came of it.
        """

        def hung_up() -> None:
            self._look = None  # read it whatever it looks like, and say what is wrong with it once more
            self._news.set()
            on_hang_up()

        async with hang_up_watch(hung_up), folder_watch(self._folder, self._news.set):
            while True:
                await self._news.wait()
                try:
                    await self._heed()
                except Exception:  # noqa: BLE001 - a defect here must not end the watching unseen
                    self._log.exception("descriptor_defect")
                if not self._news.is_set():
                    on_read()

    async def _heed(self) -> None:
        await self._calm()
        loop = asyncio.get_running_loop()
        while not await self.read_again():
            left = self._failed_at + _PATIENCE - loop.time()
            if left <= 0:
                self._refuse()
                return
            self._news.clear()
            await self._news_within(left)

    @property
    def _folder(self) -> Path:
        return self._place if self._place.is_dir() else self._place.parent

    async def _calm(self) -> None:
        """Return when nothing has changed for a moment."""
        end = asyncio.get_running_loop().time() + _LONGEST_STORM
        self._news.clear()
        while await self._news_within(_CALM) and asyncio.get_running_loop().time() < end:
            self._news.clear()

    async def _news_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()
        return self._news.is_set()

    async def _read(self) -> None:
        try:
            found = await asyncio.to_thread(lambda: load_descriptors(find_descriptor(self._place)))
        except DescriptorError as error:
            self._problems, self._said = error.problems, False
            self._failed_at = asyncio.get_running_loop().time()
            return
        self._problems, self._said = (), True
        for warning in found.warnings:
            if warning not in self._warnings:
                self._log.warning("descriptor", warning=warning)
        self._warnings = frozenset(found.warnings)
        self._take(found)
        self._reading = Reading(found.source, time.time())
        self._tell(self._reading)

    def _refuse(self) -> None:
        if self._said:
            return
        self._said = True
        self._log.error(
            "descriptor_refused",
            file=str(self._place),
            problems=list(self._problems),
            consequence="the models stay as they were",
        )
        self._reading = replace(self._reading, problems=self._problems)
        self._tell(self._reading)


@asynccontextmanager
async def reading_again(
    reader: DescriptorReader,
    on_hang_up: Callable[[], None] = _nothing,
    on_read: Callable[[], None] = _nothing,
) -> AsyncIterator[None]:
    """Have a reader run for as long as the context is open; see `DescriptorReader.run`."""
    task = asyncio.create_task(reader.run(on_hang_up, on_read))
    await asyncio.sleep(0)  # from here on it hears SIGHUP, which would end a service that says it listens
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))


def place_of(settings: Settings, descriptors: Descriptors) -> Path:
    """Where to look again: what the owner named, else where the file was found.

    A file that is away for a moment must not make the service take one of the other usual places.
    """
    return descriptors.source if settings.descriptor is None else settings.descriptor.absolute()


def _look_at(place: Path) -> _Look:
    """What is another as soon as the file is; its links are followed."""
    try:
        file = find_descriptor(place)
        found = file.stat()
    except (DescriptorError, OSError) as error:
        return (type(error).__name__, str(error))
    return (file, found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)
