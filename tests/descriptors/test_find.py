from __future__ import annotations

from pathlib import Path

import pytest

from axm1_llm.descriptors import find_descriptor
from axm1_llm.descriptors.find import DEFAULT_PLACES
from axm1_llm.errors import DescriptorError


def test_the_first_of_the_usual_places_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = tuple(f"{tmp_path}{place}" for place in DEFAULT_PLACES[:3]) + DEFAULT_PLACES[3:]
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    for place in reversed(places):
        path = here / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        assert find_descriptor(None, places=places) == path


def test_an_explicit_file_is_taken_as_it_is_even_when_it_is_missing(tmp_path: Path) -> None:
    assert find_descriptor(tmp_path / "mine.json") == tmp_path / "mine.json"


@pytest.mark.parametrize("name", ["model-descriptor.json", "model-descriptors.json"])
def test_a_folder_means_the_descriptor_in_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert find_descriptor(tmp_path) == tmp_path / name


def test_a_folder_without_a_descriptor_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(
        DescriptorError, match=r"has neither model-descriptor\.json nor model-descriptors\.json"
    ):
        find_descriptor(tmp_path)


def test_when_there_is_none_the_error_names_each_place_and_the_way_out(tmp_path: Path) -> None:
    places = (f"{tmp_path}/a.json", f"{tmp_path}/b.json")
    with pytest.raises(DescriptorError, match="--descriptor FILE or the variable AXM1_DESCRIPTOR") as caught:
        find_descriptor(None, places=places)
    assert caught.value.problems[0] == f"none was found; looked for {tmp_path}/a.json, {tmp_path}/b.json"
