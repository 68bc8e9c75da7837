"""The stand-in's bytes beside the golden files, and beside recordings of the vendor's own host program."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.golden import FOLDER, play, read_events, read_golden
from sim.runs import masked
from sim.scenarios import SCENARIOS

# Recordings of the vendor's program lie beside the project where there are any; they are not part of it.
RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings"


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_stand_in_still_writes_the_golden_bytes(name: str, tmp_path: Path) -> None:
    run = play(SCENARIOS[name], tmp_path)

    assert masked(run.output) == masked(read_golden(name))
    assert run.errors == read_events(FOLDER / f"{name}.jsonl", 2)


@pytest.mark.parametrize("name", [name for name, scenario in SCENARIOS.items() if scenario.recording])
def test_the_golden_bytes_are_those_of_the_vendors_program(name: str) -> None:
    recording = RECORDINGS / f"{SCENARIOS[name].recording}.jsonl"
    golden = FOLDER / f"{name}.jsonl"

    # Without the recordings this still proves that the golden file can be read and holds a whole start.
    truth = read_events(recording if recording.exists() else golden)

    assert truth.startswith(b"build time: ")
    assert masked(read_golden(name)) == masked(truth)


def test_every_golden_file_belongs_to_a_scenario() -> None:
    assert {path.stem for path in FOLDER.glob("*.jsonl")} == set(SCENARIOS)
