from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from axm1_llm.descriptors import ModelDescriptor
from axm1_llm.descriptors.changes import RUNTIME_KEYS, TOKENIZER_KEYS, Changes, changes, told

# One more value for each key: a new key must be put here, and so be thought about.
_OTHERS: dict[str, Any] = {
    "model_name": "another",
    "runtime": "axllm",
    "run_cmd": "./other.sh",
    "model_path": Path("/other"),
    "include_thinking": True,
    "run_on_startup": True,
    "tokenizer_path": Path("/other"),
    "tokenizer_py": "other.py",
    "tokenizer": "none",
    "tokenizer_ip": "10.0.0.1",
    "tokenizer_port": 2,
    "aliases": ("other",),
    "devices": (1,),
    "keep_alive": "1h",
    "system": "Be brief.",
    "context_length": 7,
    "capabilities": ("completion",),
    "details": {"family": "other"},
    "dialect": "plain",
    "chat_template": "{{ messages }}",
    "env": {"A": "b"},
}
_NO_RUNTIME = {
    "include_thinking",
    "run_on_startup",
    "aliases",
    "keep_alive",
    "system",
    "capabilities",
    "details",
}
_TOKENIZER = {"tokenizer_path", "tokenizer_py", "tokenizer", "tokenizer_port", "chat_template", "env"}


def described(name: str = "m", **keys: Any) -> ModelDescriptor:
    base: dict[str, Any] = {
        "model_name": name,
        "run_cmd": "./run.sh",
        "model_path": Path("/m"),
        "tokenizer_path": Path("/t"),
        "tokenizer_py": None,
        "tokenizer": "builtin",
        "tokenizer_port": 1,
    }
    return ModelDescriptor.model_validate(base).model_copy(update=keys)


def names(found: Changes) -> dict[str, set[str]]:
    return {kind: set(getattr(found, kind)) for kind in ("added", "removed", "changed", "adjusted")}


def test_every_key_of_a_descriptor_is_thought_about() -> None:
    assert set(_OTHERS) == set(ModelDescriptor.model_fields)
    assert set(ModelDescriptor.model_fields) - _NO_RUNTIME == RUNTIME_KEYS
    assert _TOKENIZER == TOKENIZER_KEYS
    assert TOKENIZER_KEYS < RUNTIME_KEYS, "a runtime would go on with a tokenizer that is gone"


@pytest.mark.parametrize("key", sorted(set(_OTHERS) - {"model_name"}))
def test_a_change_of_one_key_concerns_whom_it_should(key: str) -> None:
    before, now = described(), described(**{key: _OTHERS[key]})
    assert before != now
    for keys, matters in ((RUNTIME_KEYS, key not in _NO_RUNTIME), (TOKENIZER_KEYS, key in _TOKENIZER)):
        found = changes([before], [now], keys)
        kind = "changed" if matters else "adjusted"
        assert names(found) == {
            "added": set(),
            "removed": set(),
            "changed": set(),
            "adjusted": set(),
            kind: {"m"},
        }
        assert found.models == (now,)


@pytest.mark.parametrize(("before", "now"), list(product(["", "a", "b", "ab", "ba", "abc"], repeat=2)))
def test_models_come_and_go_by_their_names_whatever_their_order(before: str, now: str) -> None:
    old, new = [described(name) for name in before], [described(name) for name in now]
    found = changes(old, new, RUNTIME_KEYS)
    assert names(found) == {
        "added": set(now) - set(before),
        "removed": set(before) - set(now),
        "changed": set(),
        "adjusted": set(),
    }
    assert [model.model_name for model in found.models] == list(now)


def test_a_model_that_did_not_change_is_the_object_that_it_was() -> None:
    old = [described("a"), described("b")]
    found = changes(old, [described("b"), described("a", aliases=("c",))], RUNTIME_KEYS)
    assert found.models[0] is old[1]
    assert found.models[1] is not old[0]


def test_a_key_that_matters_outweighs_those_that_do_not() -> None:
    found = changes([described()], [described(aliases=("c",), devices=(3,))], RUNTIME_KEYS)
    assert names(found) == {"added": set(), "removed": set(), "changed": {"m"}, "adjusted": set()}


def test_the_log_is_told_only_of_what_is_another() -> None:
    old = [described("a"), described("b"), described("same")]
    new = [described("c"), described("b", env={"A": "b"}), described("same")]
    assert told(changes(old, new, RUNTIME_KEYS)) == {"added": ["c"], "removed": ["a"], "changed": ["b"]}
    assert told(changes(old, old, RUNTIME_KEYS)) == {}
