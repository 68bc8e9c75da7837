"""The descriptor file's bytes as JSON objects; each syntax problem with its line and column."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Never

from axm1_llm.errors import DescriptorError

if TYPE_CHECKING:
    from pathlib import Path

LARGEST_FILE = 1024 * 1024  # bytes; a real one has a few hundred a model


class JsonObject(dict[str, object]):
    """One JSON object that remembers the keys it was given twice, which JSON itself would drop silently."""

    repeated: tuple[str, ...]

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        keys = [key for key, _ in pairs]
        self.repeated = tuple(key for key in self if keys.count(key) > 1)


def read_document(path: Path) -> object:
    """What the file says: lists, `JsonObject`s, texts, numbers, booleans, None.

    Raises:
        DescriptorError: it cannot be read, is too large, is not UTF-8, or is no JSON.
    """
    try:
        text = _read(path).decode("utf-8-sig")  # Windows editors put a byte order mark in front
        return json.loads(text, object_pairs_hook=JsonObject, parse_constant=_refuse_constant)
    except OSError as error:
        raise DescriptorError(str(path), (f"the file cannot be read: {error.strerror or error}",)) from None
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
    except ValueError as error:  # NaN, or a number of more than 4,300 digits
        raise DescriptorError(str(path), (f"no valid JSON, {error}",)) from None


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
