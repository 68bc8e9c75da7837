"""Turns what pydantic found into lines that name key and model, what was found and what was expected."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING

from axm1_llm.descriptors.model import ModelDescriptor
from axm1_llm.descriptors.values import Expected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_LONGEST_SHOWN = 60
_MOST_LINES = 100  # of one model: to find the nearest key for each of 80,000 took half a minute


def problem_line(path: str, model_name: object, text: str) -> str:
    """``[0].key (model 'x'): text``, the shape of each problem.

    What the file says is shown without control characters: the line goes to a terminal.

    Args:
        path: the key path.
        model_name: what the entry says its name is; left out when it is no text.
        text: what was found and what was expected.
    """
    named = f" (model '{model_name}')" if isinstance(model_name, str) and model_name else ""
    return _printable(f"{path}{named}: {text}")


def explain(error: ValidationError, path: str, model_name: object) -> tuple[str, ...]:
    """One line for each problem of one model's entry, in the order of the entry's keys.

    Args:
        error: what pydantic raised for the entry.
        path: the entry's place in the file, such as ``[0]``.
        model_name: what the entry says its name is.
    """
    lines: dict[str, str] = {}
    for detail in error.errors(include_url=False, include_context=False):
        # The defaults of tokenizer_path and tokenizer look at other keys, whose problem is in the list.
        if detail["type"] == "default_factory_not_called":
            continue
        place = path + _place(detail)
        # A value that may be of several types gives one problem for each type.
        if place not in lines:
            lines[place] = problem_line(place, model_name, _text(detail))
        if len(lines) == _MOST_LINES:
            lines[""] = problem_line(path, model_name, "has more problems, which are not told here")
            break
    return tuple(lines.values())


def shown(value: object) -> str:
    """A JSON value as a reader of the file knows it, cut to a short text."""
    text = _printable(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def nearest(word: str, known: Sequence[str]) -> str:
    """The known word that looks most like this one."""
    return difflib.get_close_matches(word.lower().replace("-", "_"), known, n=1, cutoff=0.0)[0]


def _place(detail: ErrorDetails) -> str:
    key, *rest = detail["loc"]
    # After the key only positions in lists and the names of variables are parts of the file;
    # pydantic adds the names of the types that it tried.
    inner = "".join(f"[{part}]" for part in rest if isinstance(part, int))
    if key == "env":
        inner = "".join(f".{part}" for part in rest if part != "[key]")
    return f".{key}{inner}"


def _text(detail: ErrorDetails) -> str:
    key = str(detail["loc"][0])
    if detail["type"] == "extra_forbidden":
        known = nearest(key, tuple(ModelDescriptor.model_fields))
        return f"is no known key; the nearest known one is '{known}'"
    if detail["type"] == "says_all":
        return detail["msg"]
    expected = _expected(key)
    if detail["type"] == "missing":
        return f"is missing; expected {expected}"
    return f"found {shown(detail['input'])}; expected {expected}"


def _expected(key: str) -> str:
    words = [
        entry.text for entry in ModelDescriptor.model_fields[key].metadata if isinstance(entry, Expected)
    ]
    return words[-1]
