"""Every target on its kept corpus and on some inputs of this run; a million of them: ``make fuzz``."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.reading import Target
from fuzz.targets.catalogue import TARGETS

CORPUS = Path(__file__).parent / "corpus"
MOST_BYTES = 300_000
"""Of the whole corpus: every clone has it."""


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    """Bytes with the target's words among them."""
    piece = st.binary(max_size=8)
    if target.words:
        piece |= st.sampled_from(target.words)
    return st.lists(piece, max_size=25).map(b"".join)


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_of_the_kept_corpus_is_a_defect(name: str) -> None:
    files = sorted((CORPUS / name).iterdir())
    assert files
    for file in files:
        TARGETS[name].check(file.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_no_new_input_is_a_defect(name: str) -> None:
    target = TARGETS[name]

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(inputs(target))
    def check(data: bytes) -> None:
        target.check(data)

    check()


def test_the_corpus_is_small_and_has_no_folder_without_a_target() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} == set(TARGETS)
    assert sum(file.stat().st_size for file in CORPUS.rglob("*")) < MOST_BYTES
