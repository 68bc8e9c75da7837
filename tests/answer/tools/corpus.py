"""Real chat templates, fetched once and kept in the user's cache folder; never a part of the project."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

# The source package of llama-cpp-python holds llama.cpp's collection of templates.
_PACKAGE = "llama-cpp-python==0.3.36"
_SHA256 = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"


@functools.cache
def template(name: str) -> str:
    """The text of a template, by its file's name without the ending."""
    return (_folder() / f"{name}.jinja").read_text("utf-8")


@functools.cache
def template_names() -> tuple[str, ...]:
    """All of the collection."""
    return tuple(sorted(file.stem for file in _folder().glob("*.jinja")))


def _folder() -> Path:
    """The collection; there as a whole or not at all, whoever else fetches it at the same time."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    cache = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    folder = cache / "axm1-llm" / "tests" / "templates" / _SHA256[:12]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent) as draft:
                _fetch(Path(draft) / "packed", Path(draft) / "files")
                (Path(draft) / "files").rename(folder)
    return folder


def _fetch(place: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    command += ["--dest", str(place), _PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    packed = list(place.glob("*.tar.gz"))
    if done.returncode != 0 or not packed:
        raise RuntimeError(f"pip could not fetch {_PACKAGE}: {done.stderr.strip()[-500:]}")
    found = hashlib.sha256(packed[0].read_bytes()).hexdigest()
    if found != _SHA256:
        raise RuntimeError(f"{_PACKAGE} has the checksum {found}, {_SHA256} was expected")
    folder.mkdir()
    with tarfile.open(packed[0]) as archive:
        for member in archive:
            if member.isfile() and "/models/templates/" in member.name and member.name.endswith(".jinja"):
                content = archive.extractfile(member)
                assert content is not None
                (folder / Path(member.name).name).write_bytes(content.read())
