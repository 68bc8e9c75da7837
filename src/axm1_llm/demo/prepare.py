"""Makes the demo's model folder once; afterwards a look at a few files is enough."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
from typing import TYPE_CHECKING

from axm1_llm.demo import folder as content
from axm1_llm.demo.vocabulary import VocabularyError, tokenizer_of_gguf
from axm1_llm.demo.weights import SMOLLM2, DemoError, Weights, fetch_weights, is_intact
from axm1_llm.whole_file import write_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_SEAL = "checked.json"
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")


def tell_on_stderr(line: str) -> None:
    """Shows a line to the person who waits."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def prepare_demo(
    folder: Path, *, python: str, progress: Callable[[str], None] = tell_on_stderr, weights: Weights = SMOLLM2
) -> Path:
    """The descriptor file of the demo; its model folder is made when something of it is missing or damaged.

    Two starts at the same time do not disturb each other: the second one waits. A folder that is complete is
    only read, so it may be in an image or on a read-only disk.

    Args:
        folder: where the demo is kept.
        python: the interpreter that has this package, pip, and the packages of the extra ``demo``.
        progress: told what is going on, a line each; never called when nothing is to be done.
        weights: the model.

    Raises:
        DemoError: it cannot be made; the text says why.
    """
    folder = folder.absolute()
    texts = _texts(folder, python, weights)
    if not _is_complete(folder, texts, weights):
        try:
            _make(folder, texts, python, progress, weights)
        except OSError as error:
            place = error.filename or folder
            raise DemoError(f"the demo cannot be made: {place}: {error.strerror or error}") from None
    return folder / "model-descriptor.json"


def _texts(folder: Path, python: str, weights: Weights) -> dict[Path, str]:
    model = folder / content.MODEL_FOLDER
    return {
        model / content.RUN_SCRIPT: content.run_script(python, weights.file_name),
        model / "post_config.json": content.post_config(),
        folder / "model-descriptor.json": content.descriptor(),
    }


def _make(
    folder: Path,
    texts: Mapping[Path, str],
    python: str,
    progress: Callable[[str], None],
    weights: Weights,
) -> None:
    model = folder / content.MODEL_FOLDER
    model.mkdir(parents=True, exist_ok=True)
    with _lock(folder / ".lock", progress):
        if not _is_sealed(model, weights):
            _place_model(model, python, progress, weights)
        for path, text in texts.items():
            write_file(path, text.encode(), mode=0o755 if path.name == content.RUN_SCRIPT else 0o644)


def _place_model(model: Path, python: str, progress: Callable[[str], None], weights: Weights) -> None:
    target = model / weights.file_name
    (model / _SEAL).unlink(missing_ok=True)
    if not is_intact(target, weights):
        fetch_weights(target, weights, python, progress)
    progress("building the tokenizer out of the model file (once)")
    try:
        texts = tokenizer_of_gguf(target)
    except VocabularyError as error:
        raise DemoError(f"the demo cannot be made: {error}") from None
    except ImportError as error:
        raise DemoError(
            f"the demo needs the package {error.name}; run: {python} -m pip install 'axm1-llm[demo]'"
        ) from None
    for name, text in zip(_TOKENIZER_FILES, (texts.tokenizer, texts.config), strict=True):
        write_file(model / name, text.encode())
    write_file(model / _SEAL, json.dumps(_state(model, weights)).encode())


def _is_complete(folder: Path, texts: Mapping[Path, str], weights: Weights) -> bool:
    try:
        same = all(path.read_text(encoding="utf-8") == text for path, text in texts.items())
    except (OSError, UnicodeDecodeError):
        return False
    return same and _is_sealed(folder / content.MODEL_FOLDER, weights)


def _is_sealed(model: Path, weights: Weights) -> bool:
    """Whether the files are those that were checked, as far as size and time of change tell."""
    try:
        seal: object = json.loads((model / _SEAL).read_text(encoding="utf-8"))
        return seal == _state(model, weights)
    except (OSError, ValueError):
        return False


def _state(model: Path, weights: Weights) -> dict[str, object]:
    # The checksum of 98 MB takes a quarter of a second at each start, size and time of change take none.
    # Whole seconds only: the layers of a container image keep no more.
    files = {name: (model / name).stat() for name in (weights.file_name, *_TOKENIZER_FILES)}
    facts = {name: [stat.st_size, int(stat.st_mtime)] for name, stat in files.items()}
    return {"sha256": weights.sha256, **facts}


@contextlib.contextmanager
def _lock(path: Path, progress: Callable[[str], None]) -> Iterator[None]:
    """One process at a time; the system frees it when the process dies."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("another start is making the demo model; waiting for it")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
