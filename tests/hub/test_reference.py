from __future__ import annotations

import pytest

from axm1_llm.errors import NotOnHubError, RequestError
from axm1_llm.hub.reference import read_reference
from axm1_llm.hub.wanted import Wanted

_REPO = "AXERA-TECH/Qwen3-0.6B"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (_REPO, Wanted(_REPO, _REPO)),
        (f"https://huggingface.co/{_REPO}", Wanted(_REPO, _REPO)),
        (f"hf.co/{_REPO}:latest", Wanted(_REPO, f"{_REPO}:latest")),
        (f"{_REPO}:int8", Wanted(_REPO, f"{_REPO}:int8", "int8")),
        (f"{_REPO}@v1.2", Wanted(_REPO, _REPO, revision="v1.2")),
        (f"{_REPO}:int8@refs/pr/3", Wanted(_REPO, f"{_REPO}:int8", "int8", "refs/pr/3")),
        ("Qwen3:0.6B", Wanted(_REPO, "qwen3:0.6b")),
        ("qwen3:0.6b@main", Wanted(_REPO, "qwen3:0.6b", revision="main")),
    ],
)
def test_what_people_write_for_a_model_is_understood(text: str, wanted: Wanted) -> None:
    assert read_reference(text) == wanted


def test_a_revision_and_a_name_of_their_own_go_before_those_in_the_text() -> None:
    assert read_reference(f"{_REPO}@a", revision="b", name="mine") == Wanted(_REPO, "mine", revision="b")


def test_two_variants_have_folders_of_their_own() -> None:
    assert read_reference(_REPO).folder == "AXERA-TECH--Qwen3-0.6B"
    assert read_reference(f"{_REPO}:int8").folder == "AXERA-TECH--Qwen3-0.6B--int8"


@pytest.mark.parametrize(
    "text",
    ["", "../../etc/passwd", "/etc/passwd", "a/b/c", "a/..", "a/b:../c", "a/b@../c", "a b/c", "a/b\tc"],
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(RequestError):
        read_reference(text)


def test_a_short_name_that_the_catalogue_lacks_says_where_the_names_are() -> None:
    with pytest.raises(NotOnHubError, match="axm1 pull --list"):
        read_reference("llama3")


def test_a_name_that_no_model_can_have_is_refused() -> None:
    with pytest.raises(RequestError, match="expected a name such as"):
        read_reference(_REPO, name="no name")
