"""What is different between two readings of the descriptor file, and whom it concerns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from axm1_llm.descriptors.model import ModelDescriptor

if TYPE_CHECKING:
    from collections.abc import Iterable

_UNSEEN_BY_THE_RUNTIME = frozenset(
    {
        "aliases",
        "capabilities",
        "details",
        "include_thinking",
        "keep_alive",
        "run_on_startup",
        "system",
    }
)

RUNTIME_KEYS = frozenset(ModelDescriptor.model_fields) - _UNSEEN_BY_THE_RUNTIME
"""Keys whose change needs a new runtime; `context_length` is one: a prompt in hand was measured by it."""

TOKENIZER_KEYS = frozenset(
    {"chat_template", "env", "tokenizer", "tokenizer_path", "tokenizer_port", "tokenizer_py"}
)
"""Keys whose change needs a new tokenizer; all of them need a new runtime too, which asks that tokenizer."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a new reading of the file makes of the models; they are meant by `model_name`.

    Attributes:
        models: all of the new reading in its order; one that is the same is the object of before.
        added: were not there before.
        removed: are there no more.
        changed: differ in a key that matters.
        adjusted: differ in other keys only.
    """

    models: tuple[ModelDescriptor, ...]
    added: frozenset[str]
    removed: frozenset[str]
    changed: frozenset[str]
    adjusted: frozenset[str]


def changes(
    before: Iterable[ModelDescriptor], now: Iterable[ModelDescriptor], keys: frozenset[str]
) -> Changes:
    """Compare two readings; `keys` are those that matter.

    Each reading has a name once, as the reader of the file makes sure.
    """
    old = {model.model_name: model for model in before}
    new = {model.model_name: model for model in now}
    both = old.keys() & new.keys()
    different = {name for name in both if old[name] != new[name]}
    changed = frozenset(name for name in different if not same_in(keys, old[name], new[name]))
    return Changes(
        models=tuple(
            old[name] if name in both and name not in different else model for name, model in new.items()
        ),
        added=frozenset(new.keys() - old.keys()),
        removed=frozenset(old.keys() - new.keys()),
        changed=changed,
        adjusted=frozenset(different - changed),
    )


def same_in(keys: frozenset[str], one: ModelDescriptor, other: ModelDescriptor) -> bool:
    """Whether two descriptors say the same in all of `keys`."""
    return all(getattr(one, key) == getattr(other, key) for key in keys)


def told(found: Changes) -> dict[str, list[str]]:
    """The names that are another, by how, for a line in the log; empty when there are none."""
    kinds = {
        "added": found.added,
        "removed": found.removed,
        "changed": found.changed,
        "adjusted": found.adjusted,
    }
    return {kind: sorted(names) for kind, names in kinds.items() if names}
