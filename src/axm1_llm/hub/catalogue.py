"""Short names of models that are known to exist on the hub; they stand in `catalogue.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from axm1_llm.descriptors.names import name_key

FILE = files(__package__) / "catalogue.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """A model of the catalogue.

    Attributes:
        name: its short name, as Ollama would have it.
        repo: the repository that has it, ``OWNER/NAME``.
        generation: of its runtime: 1 without history, 2 keeps it, 3 is `axllm`; None where that is not known.
        size: bytes of what a host downloads, where that is known; roughly.
        variant: the part of a folder's name that chooses it in its repository.
        source: the page on which the repository was seen.
    """

    name: str
    repo: str
    generation: int | None
    source: str
    size: int | None = None
    variant: str | None = None


@cache
def catalogue() -> tuple[Entry, ...]:
    """All entries, in the file's order."""
    return tuple(Entry(**entry) for entry in json.loads(FILE.read_text("utf-8")))


def entry_of(name: str) -> Entry | None:
    """The entry of a short name; case and ``:latest`` do not matter."""
    return next((entry for entry in catalogue() if name_key(entry.name) == name_key(name)), None)
