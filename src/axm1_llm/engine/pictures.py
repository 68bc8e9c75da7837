"""Pictures on their way to the runtime: a private file for as long as the prompt lasts.

A vision build reads a picture from the path that it is given. Each picture has a folder of its own that
only the service's user may enter, and that is locked while the service lives: what a killed service left
behind is not locked, and goes before the next picture comes.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_PREFIX = "axm1-llm-picture-"
# By the file's first bytes: some readers look at the name before they look inside.
_ENDINGS = ((b"\x89PNG", ".png"), (b"RIFF", ".webp"), (b"BM", ".bmp"))


@asynccontextmanager
async def picture_file(content: bytes | None) -> AsyncIterator[Path | None]:
    """The picture as a file (mode 0600) until the block is left; None for None.

    Args:
        content: the file's bytes.

    Raises:
        OSError: it cannot be written.
    """
    if content is None:
        yield None
        return
    path, lock = await asyncio.to_thread(_write, content)
    try:
        yield path
    finally:
        # At once, not in a thread: a task that is being cancelled would not wait for one.
        shutil.rmtree(path.parent, ignore_errors=True)
        os.close(lock)


def remove_stale_pictures() -> None:
    """Remove what services that were killed have left; call it when the service starts."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another user's, or gone meanwhile
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while its service lives
                if os.fstat(lock).st_uid == os.geteuid():
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _write(content: bytes) -> tuple[Path, int]:
    remove_stale_pictures()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))  # 0700
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ending = next((name for start, name in _ENDINGS if content.startswith(start)), ".jpg")
        path = folder / f"picture{ending}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            file.write(content)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)
        raise
    return path, lock
