"""Where a download grows until it is complete: beside the models' folders, on the same disk.

::

    .axm1-pull/OWNER--NAME/parts/DIGEST   a file of which not all has come
    .axm1-pull/OWNER--NAME/blobs/DIGEST   a file that has come and was checked
    .axm1-pull/OWNER--NAME/tree/…         the model's folder, about to get its place

A model's folder appears under its own name at once and whole. What an ended process left is gone on with.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from axm1_llm.errors import NoSpaceError, PullError, PullInHandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from axm1_llm.hub.remote_file import RemoteFile

PLACE = ".axm1-pull"
MANIFEST = "axm1-pull.json"
_RESERVE = 64 * 1024 * 1024  # bytes that stay free: other programs write too
_PROGRAM_STARTS = (b"\x7fELF", b"#!")
_GIGA = 1_000_000_000


class Staging:
    """The place of one download; see `open_staging`.

    Args:
        models: the folder of the models.
        name: of the folder that the model will have there.

    Attributes:
        target: that folder.
    """

    def __init__(self, models: Path, name: str) -> None:
        self._models = models
        self._place = models / PLACE / name
        self.target = models / name

    def part(self, file: RemoteFile) -> Path:
        """Where a file grows."""
        return self._place / "parts" / _key(file)

    def blob(self, file: RemoteFile) -> Path:
        """Where a file is once it is whole."""
        return self._place / "blobs" / _key(file)

    def prepare(self) -> None:
        """Make the folders.

        Raises:
            PullError: the folder of the models cannot be written, or the target is somebody else's.
        """
        if self.target.exists() and not (self.target / MANIFEST).is_file():
            raise PullError(
                f"the folder '{self.target}' is there and was not pulled; move it away, then pull again"
            )
        for name in ("parts", "blobs"):
            (self._place / name).mkdir(parents=True, exist_ok=True)

    def seed(self, files: Iterable[RemoteFile]) -> None:
        """Take over what an older revision of the model has of these files already."""
        present = dict(self._present())
        for file in files:
            own = present.get(file.digest)
            if own is not None and not self.blob(file).exists():
                with suppress(OSError):
                    if file.matches(own):
                        os.link(own, self.blob(file))

    def is_current(self, commit: str, files: Iterable[RemoteFile]) -> bool:
        """Whether the target already is exactly that."""
        manifest = self._manifest()
        wanted = {file.path: file.digest for file in files}
        there = all((self.target / path).is_file() for path in wanted)
        return manifest.get("commit") == commit and manifest.get("files") == wanted and there

    def check_space(self, files: Iterable[RemoteFile]) -> None:
        """Refuse what the disk has no room for.

        Raises:
            NoSpaceError: it has not.
        """
        missing = sum(
            file.size - _size_of(self.part(file)) for file in files if not self.blob(file).is_file()
        )
        free = shutil.disk_usage(self._place).free
        if missing + _RESERVE > free:
            raise NoSpaceError(
                f"the disk of '{self._models}' is too small: {missing / _GIGA:.1f} GB are missing, "
                f"{free / _GIGA:.1f} GB are free; free some, or choose a smaller variant"
            )

    def put(self, files: Iterable[RemoteFile], origin: dict[str, object]) -> None:
        """Give the model's folder its place, in the place of an older revision of it.

        Args:
            files: all of them, each a blob by now.
            origin: what its manifest says beside the files.
        """
        tree, old = self._place / "tree", self._place / "old"
        shutil.rmtree(tree, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
        listed = {}
        for file in files:
            place = tree / file.path
            place.parent.mkdir(parents=True, exist_ok=True)
            _place(self.blob(file), place)
            listed[file.path] = file.digest
        (tree / MANIFEST).write_text(json.dumps({**origin, "files": listed}, indent=1) + "\n", "utf-8")
        if self.target.exists():
            self.target.rename(old)
        tree.rename(self.target)
        shutil.rmtree(self._place, ignore_errors=True)

    def _present(self) -> Iterator[tuple[str, Path]]:
        files = self._manifest().get("files")
        for path, digest in files.items() if isinstance(files, dict) else ():
            yield digest, self.target / path

    def _manifest(self) -> dict[str, object]:
        return read_manifest(self.target)


def read_manifest(folder: Path) -> dict[str, object]:
    """What a pulled folder says of where it is from; empty for any other folder."""
    try:
        found = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


@contextmanager
def open_staging(models: Path, name: str) -> Iterator[Staging]:
    """The place of a download, for this process alone.

    Raises:
        PullError: the folder of the models cannot be written.
        PullInHandError: another process downloads the same.
    """
    try:
        (models / PLACE).mkdir(parents=True, exist_ok=True)
        # Outside of the folder that goes in the end: a lock on a file that is gone keeps nobody out.
        lock = (models / PLACE / f"{name}.lock").open("w")
    except OSError as error:
        raise PullError(
            f"the models' folder '{models}' cannot be written ({error.strerror}); in a container mount it "
            "without :ro (read_only), or pull on the host"
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise PullInHandError(f"another process is pulling into '{models / name}'; wait for it") from None
        staging = Staging(models, name)
        staging.prepare()
        yield staging


def _key(file: RemoteFile) -> str:
    return file.digest.replace(":", "-")


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _place(blob: Path, place: Path) -> None:
    try:
        os.link(blob, place)
    except OSError:  # FAT and some network disks have no links
        shutil.copyfile(blob, place)
    with place.open("rb") as content:
        runs = content.read(4).startswith(_PROGRAM_STARTS) or place.suffix == ".sh"
    place.chmod(0o755 if runs else 0o644)  # the hub keeps no modes
