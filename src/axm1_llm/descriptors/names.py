"""Names of models: which characters they have, and when two of them mean the same model."""

from __future__ import annotations

import re

LONGEST_NAME = 128
# Ollama's names, ``host/namespace/model:tag``. A part never begins with a dot, so that no name has a "." or
# ".." segment, which HTTP clients take out of a URL path before they send it.
NAME_PATTERN = r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:[/:][A-Za-z0-9_][A-Za-z0-9._-]*)*"
EXPECTED_NAME = (
    f"a name such as 'qwen2.5-1.5b' or 'smollm2:135m': letters, digits and . _ - : / only, "
    f"each part beginning with a letter, a digit or _, at most {LONGEST_NAME} characters"
)
_NAME = re.compile(NAME_PATTERN)
_DEFAULT_TAG = ":latest"


def check_name(name: str) -> str:
    """The name itself.

    Raises:
        ValueError: it has other characters than Ollama's names, or too many.
    """
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise ValueError(EXPECTED_NAME)
    return name


def name_key(name: str) -> str:
    """What two names share when they mean the same model: no case, no ``:latest``, as in Ollama."""
    return name.lower().removesuffix(_DEFAULT_TAG)


def listed_name(name: str) -> str:
    """The name with its tag, ``:latest`` when it has none, as Ollama lists it.

    Open WebUI and Home Assistant add ``:latest`` to what their user writes, and look that up in the list.
    """
    return name if ":" in name.rpartition("/")[2] else name + _DEFAULT_TAG


def same_name(one: str, other: str) -> bool:
    """Whether both names mean the same model."""
    return name_key(one) == name_key(other)
