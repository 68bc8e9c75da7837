"""One file of a repository, as the hub describes it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_READ = 1024 * 1024


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that can be downloaded.

    Attributes:
        path: in the repository, with `/` between its parts.
        size: bytes.
        digest: ``sha256:…`` of a large file's content; ``sha1:…`` of a small one as git names it.
    """

    path: str
    size: int
    digest: str

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders and the name, in small letters."""
        return tuple(self.path.lower().split("/"))

    @property
    def folder(self) -> str:
        """Where it is in the repository; "" at its root."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """Its last part."""
        return self.path.rpartition("/")[2]

    @property
    def is_safe(self) -> bool:
        """Whether the path stays within the folder that it is put in."""
        return all(part not in {"", ".", ".."} for part in self.path.split("/")) and self.path.isprintable()

    def matches(self, file: Path) -> bool:
        """Whether a file on the disk has this content.

        Raises:
            OSError: it cannot be read.
        """
        if file.stat().st_size != self.size:
            return False
        kind, _, wanted = self.digest.partition(":")
        if kind == "sha256":
            found = hashlib.sha256()
        else:
            # How git names a file; it is no protection against people, but against broken downloads.
            found = hashlib.sha1(f"blob {self.size}\0".encode(), usedforsecurity=False)
        with file.open("rb") as content:
            while chunk := content.read(_READ):
                found.update(chunk)
        return found.hexdigest() == wanted
