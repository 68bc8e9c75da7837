from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from axm1_llm.errors import SettingsError
from axm1_llm.serving.variants import Variant, VariantFile
from axm1_llm.settings import load_settings

TERSE = {"name": "terse", "base": "m", "created": 1.5, "parameters": {"stop": ["x"], "top_k": 3}}


def problems(path: Path) -> list[str]:
    """What is warned of when the file is read."""
    with structlog.testing.capture_logs() as logs:
        VariantFile(path).read()
    return [entry["problem"] for entry in logs if entry["log_level"] == "warning"]


def test_what_is_written_is_read_again_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "variants.json"
    terse = Variant.model_validate(TERSE)
    VariantFile(path).write((terse,))
    assert VariantFile(path).read() == (terse,)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["variants.json"]


def test_no_file_is_no_variant_and_no_warning(tmp_path: Path) -> None:
    assert VariantFile(tmp_path / "none.json").read() == ()
    assert problems(tmp_path / "none.json") == []
    VariantFile(None).write(())


@pytest.mark.parametrize(
    "change", [{"parameters": {"top_k": "x"}}, {"base": 1}, {"color": "red"}, {"name": ".."}]
)
def test_an_entry_that_makes_no_sense_is_named_left_out_and_left_alone(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    path = tmp_path / "variants.json"
    wrong = {**TERSE, "name": "odd", **change}
    path.write_text(json.dumps({"variants": [wrong, TERSE]}))
    assert [next(iter(change)) in problem for problem in problems(path)] == [True]
    file = VariantFile(path)
    assert [each.name for each in file.read()] == ["terse"]
    file.write(())
    assert json.loads(path.read_text()) == {"variants": [wrong]}


@pytest.mark.parametrize("content", ["{", "[]", '{"variants": 5}', "\xff"])
def test_a_file_that_cannot_be_read_is_never_written_over(tmp_path: Path, content: str) -> None:
    path = tmp_path / "variants.json"
    path.write_text(content, encoding="latin-1")
    assert len(problems(path)) == 1
    file = VariantFile(path)
    assert file.read() == ()
    with pytest.raises(SettingsError, match="is not written over"):
        file.write((Variant.model_validate(TERSE),))
    assert path.read_text(encoding="latin-1") == content


def test_the_file_is_where_state_belongs() -> None:
    def chosen(**environ: str) -> str:
        return str(load_settings({}, environ).variants_file)

    assert chosen() == "/var/lib/axm1-llm/variants.json"
    assert chosen(HOME="/home/ann") == "/home/ann/.local/state/axm1-llm/variants.json"
    assert chosen(HOME="/home/ann", XDG_STATE_HOME="/state") == "/state/axm1-llm/variants.json"
    assert chosen(HOME="/home/ann", AXM1_VARIANTS_FILE="/v.json") == "/v.json"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(list(Variant.model_fields)), JSON))
def test_no_content_of_the_file_stops_the_service(
    tmp_path_factory: pytest.TempPathFactory, entry: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-variants.json"
    path.write_text(json.dumps({"variants": [entry]}))
    assert len(VariantFile(path).read()) <= 1
