"""Files that are never half there: a reader sees the old one or the new one."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


_STALE = 10.0  # seconds: what is younger may be another service's, about to get its name


def remove_drafts(folder: Path, pattern: str) -> None:
    """Remove what a `write_file` that was killed has left of files in `folder` that match `pattern`."""
    for draft in folder.glob(f".{pattern}.tmp"):
        with suppress(OSError):
            if time.time() - draft.lstat().st_mtime > _STALE:
                draft.unlink()


def write_file(path: Path, content: bytes, *, mode: int = 0o644, durable: bool = False) -> None:
    """Put `content` in `path` at once.

    It is written to a temporary name in the same folder and renamed.

    Args:
        path: of the file; two must not write the same one at the same time.
        content: all of it.
        mode: its permissions, whatever our umask is.
        durable: wait until it would outlive a power cut.

    Raises:
        OSError: the folder is missing, full or read-only; `path` is as it was.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    # A new file each time: an old temporary one may belong to another user, or be a link set by one.
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.rename(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
