"""The descriptor file's bytes as JSON objects; each syntax problem with its line and column."""

from __future__ import annotations

import json
import stat
from collections import Counter
from typing import TYPE_CHECKING, Never

from axm1_llm.descriptors.comments import without_comments
from axm1_llm.errors import DescriptorError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LARGEST_FILE = 1024 * 1024  # bytes; a real one has a few hundred a model
DEEPEST_NESTING = 32  # of lists and objects in each other; a real one has four


class JsonObject(dict[str, object]):
    """One JSON object that remembers the keys it was given twice, which JSON itself would drop silently."""

    repeated: tuple[str, ...]

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        counts = Counter(key for key, _ in pairs)
        self.repeated = tuple(key for key in self if counts[key] > 1)


def read_content(path: Path) -> bytes:
    """The file's bytes.

    Raises:
        DescriptorError: it cannot be read, or is too large.
    """
    try:
        return _read(path)
    except OSError as error:
        raise DescriptorError(str(path), (f"the file cannot be read: {error.strerror or error}",)) from None


def parse_document(content: bytes, path: Path) -> object:
    """What the file says: lists, `JsonObject`s, texts, numbers, booleans, None.

    Args:
        content: the file's bytes: JSON, which may have comments.
        path: of the file, for the errors.

    Raises:
        DescriptorError: it is not UTF-8, or is no JSON.
    """
    try:
        text = without_comments(content.decode("utf-8-sig"))  # Windows editors put a byte order mark in front
        document: object = json.loads(text, object_pairs_hook=JsonObject, parse_constant=_refuse_constant)
        _refuse_deep_nesting(document)
        _refuse_half_characters(document)
    except UnicodeDecodeError as error:
        raise DescriptorError(
            str(path), (f"the file is not UTF-8 (byte {error.start}); save it as UTF-8",)
        ) from None
    except json.JSONDecodeError as error:
        raise DescriptorError(
            str(path), (f"line {error.lineno}, column {error.colno}: no valid JSON, {error.msg}",)
        ) from None
    except RecursionError:
        raise DescriptorError(str(path), ("the file nests too deeply; expected a list of models",)) from None
    except ValueError as error:  # NaN, half a character, or a number of more than 4,300 digits
        raise DescriptorError(str(path), (f"no valid JSON, {error}",)) from None
    return document


def _read(path: Path) -> bytes:
    # A pipe or a device would be waited for without end.
    if not stat.S_ISREG(path.stat().st_mode):
        raise DescriptorError(str(path), ("it is not a regular file",))
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise DescriptorError(str(path), (f"the file is larger than {LARGEST_FILE} bytes",))
    return content


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is no JSON value")


def _refuse_deep_nesting(document: object) -> None:
    """Raises RecursionError early, as the parser does late: whoever walks the document needs no care."""
    level = [document]
    for _ in range(DEEPEST_NESTING):
        level = [inner for value in level for inner in _inside(value)]
    if any(isinstance(value, dict | list) for value in level):
        raise RecursionError


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _refuse_half_characters(document: object) -> None:
    # Half of an escaped pair, such as "\\ud83d" alone, is a text that no program can write as UTF-8 again.
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])
        raise ValueError(f"a text has half of a character, {half}, without the other half") from None
