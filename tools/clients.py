"""Makes the environments beside the project's own, each once, and prints where they are.

They hold the clients that the tests drive, and MkDocs, which builds the documentation. What is printed is
JSON: ``{"python": …, "litellm": …, "javascript": …, "docs": …}``, the folders. Each one is named
after its lock file's checksum, in the user's cache folder or in ``AXM1_CLIENTS_DIR``: one that is complete
is only looked at, and a changed lock file gets a folder of its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
_STEP = 600.0  # seconds; only a stuck registry takes that long
_COMPLETE = ".complete"


def main() -> int:
    """Make what is missing."""
    folder = _folder()
    made = {
        "python": _made(folder, "python", _REQUIREMENTS / "clients.txt", _install_python),
        "litellm": _made(folder, "litellm", _REQUIREMENTS / "litellm.txt", _install_python),
        "javascript": _made(
            folder, "javascript", _REQUIREMENTS / "javascript" / "package-lock.json", _install_javascript
        ),
        "docs": docs_environment(),
    }
    sys.stdout.write(json.dumps({name: str(place) for name, place in made.items()}) + "\n")
    return 0


def docs_environment() -> Path:
    """The environment of MkDocs."""
    return _made(_folder(), "docs", _REQUIREMENTS / "docs.txt", _install_python)


def _folder() -> Path:
    if own := os.environ.get("AXM1_CLIENTS_DIR"):
        return Path(own).absolute()
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "axm1-llm" / "clients"


def _made(folder: Path, name: str, lock: Path, install: Callable[[Path, Path], None]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    made_of = lock.read_bytes() + sys.version.encode()
    place = folder / f"{name}-{hashlib.sha256(made_of).hexdigest()[:12]}"
    with _alone(place.with_suffix(".lock")):
        if not (place / _COMPLETE).exists():
            shutil.rmtree(place, ignore_errors=True)
            install(place, lock)
            (place / _COMPLETE).touch()
    return place


def _install_python(place: Path, lock: Path) -> None:
    venv.create(place, with_pip=False, symlinks=True)
    # Compiling all of it takes longer than downloading it, and most of it is never imported.
    quick = ("--quiet", "--no-compile", "--disable-pip-version-check", "--require-hashes")
    python = str(place / "bin" / "python")
    _run(sys.executable, "-m", "pip", "--python", python, "install", *quick, "-r", str(lock))


def _install_javascript(place: Path, lock: Path) -> None:
    if shutil.which("npm") is None:
        raise SystemExit("the JavaScript clients need npm: install the packages nodejs and npm")
    place.mkdir()
    for file in (lock, lock.with_name("package.json")):
        shutil.copy(file, place)
    _run("npm", "ci", "--prefix", str(place), "--ignore-scripts", "--no-audit", "--no-fund")


def _run(*command: str) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_STEP, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


@contextlib.contextmanager
def _alone(file: Path) -> Iterator[None]:
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
