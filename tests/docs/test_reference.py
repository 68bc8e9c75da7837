"""The reference describes what there is, and all of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from click import Group

from axm1_llm import __version__
from axm1_llm.cli.root import axm1
from axm1_llm.descriptors import ModelDescriptor
from axm1_llm.engine.states import State, Trigger
from axm1_llm.metrics import definitions
from axm1_llm.settings import Settings, options
from axm1_llm.tokenizer.service import TokenizerService
from matrix.cells import CELLS, FAULTS
from matrix.outcomes import OUTCOMES

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from reference import http  # noqa: E402 - the tools are scripts beside the package


def page(name: str) -> str:
    return (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")


def test_the_pages_are_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "generate_docs.py", "--check"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_setting_and_variable_is_documented() -> None:
    text = page("settings.md")
    for option in options(Settings):
        assert f"## `{option.flag}`" in text
        assert all(f"`{variable.name}`" in text for variable in option.variables)


def test_every_descriptor_key_is_documented() -> None:
    text = page("descriptor.md")
    assert all(f"| `{name}` |" in text for name in ModelDescriptor.model_fields)


def test_every_state_and_event_is_documented() -> None:
    text = page("states.md")
    assert all(f"| `{state}` |" in text for state in State)
    assert all(f"| `{trigger}` |" in text for trigger in Trigger)


def test_every_metric_is_documented() -> None:
    text = page("metrics.md")
    every = (*definitions.MODEL_METRICS, *definitions.CARD_METRICS, *definitions.SERVICE_METRICS)
    assert all(f"| `{metric.name}` |" in text for metric in every)


def test_every_fault_has_its_row_and_every_outcome_its_meaning() -> None:
    text = page("fault-matrix.md")
    assert {cell.fault for cell in CELLS} == set(FAULTS)
    assert all(f"| {fault} | " in text for fault in FAULTS)
    assert {cell.outcome for cell in CELLS} == set(OUTCOMES)
    assert all(f"### {outcome.short}: " in text for outcome in OUTCOMES)


def test_no_two_cells_stand_in_the_same_place() -> None:
    assert len({cell.name for cell in CELLS}) == len(CELLS)


def test_every_cell_of_the_matrix_was_measured() -> None:
    assert "not measured" not in page("fault-matrix.md")


def test_every_route_of_both_services_is_documented() -> None:
    text = page("http.md")
    ours = list(http.api_paths())
    theirs = [route.path for route in TokenizerService([], "token", "127.0.0.1", {}).routes()]
    assert ours
    assert theirs
    for path in (*ours, *theirs):
        assert f"`{path.replace(':path', '')}`" in text


def test_every_command_is_documented() -> None:
    assert isinstance(axm1, Group)
    text = page("cli.md")
    assert all(f"## axm1 {name}\n" in text for name in axm1.commands)


@pytest.mark.parametrize(
    "path", [*sorted(ROOT.glob("docs/**/*.md")), *ROOT.glob("*.md")], ids=lambda p: str(p.relative_to(ROOT))
)
def test_every_link_between_pages_leads_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    missing = [
        target for target in targets if target and "://" not in target and not (path.parent / target).exists()
    ]
    assert missing == []


def test_the_changelog_has_this_version() -> None:
    assert f"## {__version__} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150
