"""Says when the descriptor file may be another: a change in its folder, or SIGHUP."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog
from inotify_simple import INotify, flags

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

# Not every write of a file that is being copied into the folder, but its end. A new owner or mode may make
# a file readable.
_CHANGES = flags.ATTRIB | flags.CLOSE_WRITE | flags.CREATE | flags.DELETE | flags.MOVED_FROM | flags.MOVED_TO


@asynccontextmanager
async def folder_watch(folder: Path, changed: Callable[[], None]) -> AsyncIterator[None]:
    """Call `changed` whenever something in a folder is another, for as long as the context is open.

    The folder and not the file: editors write a new file and give it the old one's name, and a file that is
    mounted as a link changes with the link's target. One that cannot be watched is said in the log once.
    """
    try:
        # In a thread: to find the C library, `ctypes` runs ldconfig.
        inotify = await asyncio.to_thread(_watch, folder)
    except OSError as error:
        structlog.get_logger().warning(
            "descriptor_not_watched",
            folder=str(folder),
            reason=str(error),
            advice="send SIGHUP after a change",
        )
        yield
        return
    loop = asyncio.get_running_loop()

    def look() -> None:
        if inotify.read(timeout=0):
            changed()

    loop.add_reader(inotify.fileno(), look)
    try:
        yield
    finally:
        loop.remove_reader(inotify.fileno())
        inotify.close()


def _watch(folder: Path) -> INotify:
    inotify = INotify(nonblocking=True)
    try:
        inotify.add_watch(folder, _CHANGES)
    except OSError:
        inotify.close()
        raise
    return inotify


@asynccontextmanager
async def hang_up_watch(told: Callable[[], None]) -> AsyncIterator[None]:
    """Call `told` at each SIGHUP, for as long as the context is open.

    A terminal that is closed sends the same signal to what runs in it: that is to leave, as ever, unless it
    was started with nohup.
    """
    leaves = _has_terminal() and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN

    def handle() -> None:
        if leaves and not _has_terminal():
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            told()

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, handle)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
