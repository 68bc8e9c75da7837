from __future__ import annotations

import re

import pytest

from axm1_llm.descriptors.names import check_name, name_key
from axm1_llm.hub.catalogue import Entry, catalogue, entry_of


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.name)
def test_an_entry_is_complete(entry: Entry) -> None:
    assert check_name(entry.name) == entry.name.lower()
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", entry.repo)
    assert entry.generation in {1, 2, 3, None}
    assert entry.size is None or entry.size > 100_000_000
    assert entry.source.startswith("https://huggingface.co/")
    assert entry.repo in entry.source or "/collections/" in entry.source


def test_no_name_and_no_repository_stands_there_twice() -> None:
    assert len({name_key(entry.name) for entry in catalogue()}) == len(catalogue())
    assert len({(entry.repo, entry.variant) for entry in catalogue()}) == len(catalogue())


def test_a_name_is_found_whatever_its_case() -> None:
    assert entry_of("QWEN2.5:1.5b") is not None
    assert entry_of("qwen2.5") is None
