"""The process that downloads one model; started by `pulling`, told what to do in its argument.

A process of its own, so that the service stays small and its event loop free, and a download can be ended at
once wherever it is. It prints one JSON object a line: progress as Ollama words it, in the end `{"model": …}`
or `{"error": …}`.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from axm1_llm.errors import Axm1Error, PullError
from axm1_llm.hub.selection import select
from axm1_llm.hub.staging import open_staging
from axm1_llm.hub.wanted import Wanted

if TYPE_CHECKING:
    from axm1_llm.hub.remote_file import RemoteFile
    from axm1_llm.hub.selection import Selection
    from axm1_llm.hub.staging import Staging
    from axm1_llm.hub_worker.remote import Repository

_BETWEEN = 0.25  # seconds between two lines of progress
_LARGE = 1_000_000  # bytes: the last line about a smaller file may be left out


class Progress:
    """Tells how far a download is, four times a second at most."""

    def __init__(self, selection: Selection) -> None:
        self._all = selection.size
        self._done = 0  # bytes of the files before the one in hand
        self._completed = 0
        self._told = 0.0
        self._file: RemoteFile | None = None

    def begin(self, file: RemoteFile, completed: int) -> None:
        """Another file, of which that much is there already."""
        self._file, self._completed = file, completed
        self._tell(always=file.size >= _LARGE)

    def came(self, count: int) -> None:
        """More of it."""
        self._completed += count
        self._tell(always=False)

    def end(self) -> None:
        """All of it."""
        assert self._file is not None  # noqa: S101 - one was begun
        self._completed = self._file.size
        self._tell(always=self._file.size >= _LARGE)
        self._done += self._file.size
        self._completed = 0

    def _tell(self, *, always: bool) -> None:
        now = time.monotonic()
        if self._file is None or (not always and now - self._told < _BETWEEN):
            return
        self._told = now
        say(
            status=f"pulling {self._file.digest.partition(':')[2][:12]}",
            digest=self._file.digest,
            total=self._file.size,
            completed=self._completed,
            file=self._file.path,
            all_total=self._all,
            all_completed=self._done + self._completed,
        )


def say(**line: object) -> None:
    """One line to whoever started this process."""
    print(json.dumps(line), flush=True)  # noqa: T201 - the report


def pull(wanted: Wanted, descriptor: Path) -> str:
    """Download a model and describe it; its name."""
    models = descriptor.parent
    with open_staging(models, wanted.folder) as staging:
        repository = _repository(wanted)
        selection = select(repository.files, platform.machine(), wanted.variant)
        if not staging.is_current(repository.commit, selection.files):
            _download(repository, selection, staging)
            origin = {"repo": wanted.repo, "revision": wanted.revision, "commit": repository.commit}
            staging.put(selection.files, {**origin, "variant": selection.variant})
        say(status="writing manifest", others=selection.others)
        return _add(staging.target, descriptor, wanted.name)


def _repository(wanted: Wanted) -> Repository:
    say(status="pulling manifest")
    try:
        from axm1_llm.hub_worker.remote import Repository  # noqa: PLC0415 - a second, and only here
    except ModuleNotFoundError as error:
        raise PullError(f"{error.name} is missing; run: pip install huggingface_hub") from None
    return Repository(wanted)


def _download(repository: Repository, selection: Selection, staging: Staging) -> None:
    staging.seed(selection.files)
    staging.check_space(selection.files)
    progress = Progress(selection)
    for file in selection.files:
        if staging.blob(file).is_file():
            progress.begin(file, file.size)
        else:
            _download_one(repository, file, staging, progress)
        progress.end()
    say(status="verifying sha256 digest")  # each was as it came; clients know the word


def _download_one(repository: Repository, file: RemoteFile, staging: Staging, progress: Progress) -> None:
    part = staging.part(file)
    with part.open("ab") as content:
        if content.tell() > file.size:
            content.truncate(0)
        progress.begin(file, content.tell())
        if content.tell() < file.size:
            repository.fetch(file, content, progress.came)
    if not file.matches(part):
        part.unlink()
        raise PullError(
            f"'{file.path}' is not what the hub describes (wrong checksum), and was thrown away; pull again"
        )
    part.rename(staging.blob(file))


def _add(folder: Path, descriptor: Path, name: str) -> str:
    from axm1_llm.hub_worker.adding import add_pulled  # noqa: PLC0415 - not needed when the download fails

    return add_pulled(folder, descriptor, name)


def _main() -> int:
    order = json.loads(sys.argv[1])
    os.nice(10)  # prompts go first
    try:
        name = pull(Wanted(**order["wanted"]), Path(order["descriptor"]))
    except Axm1Error as error:
        say(error=str(error), kind=type(error).__name__)
        return 1
    except OSError as error:
        say(error=f"the model could not be written: {error}", kind=PullError.__name__)
        return 1
    say(model=name)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
