"""Every kind of finding is found, and mended where that is promised."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from axm1_llm.demo import folder as demo
from axm1_llm.descriptors import find_descriptor
from axm1_llm.doctor.catalogue import AREAS, KINDS
from axm1_llm.doctor.descriptor import check_failure
from axm1_llm.doctor.findings import Severity
from axm1_llm.doctor.mending import apply, plan
from axm1_llm.doctor.pointing import point_at
from axm1_llm.errors import DescriptorError
from doctor.models import Model
from doctor.provoking import ELSEWHERE, PROVOKED


def fix(model: Model, may_write: Callable[[Path], bool] = lambda _: True) -> int:
    changes, _ = plan(model.diagnose(), None, may_write=may_write)
    for change in changes:
        apply(change, point_at)
    return len(changes)


def test_a_healthy_model_has_no_findings(model: Model) -> None:
    assert model.diagnose().findings == ()


def test_every_kind_has_something_that_provokes_it() -> None:
    assert set(KINDS) == set(PROVOKED) | ELSEWHERE


def test_every_kind_belongs_to_an_area_and_says_what_why_and_how() -> None:
    for name, kind in KINDS.items():
        assert name.partition(".")[0] in AREAS
        assert all((kind.title, kind.why, kind.mend)), name


@pytest.mark.parametrize("name", PROVOKED)
def test_what_is_wrong_is_found(model: Model, name: str) -> None:
    PROVOKED[name](model)
    findings = [finding for finding in model.diagnose().findings if finding.kind.id == name]
    assert findings
    assert all(finding.what and finding.mend for finding in findings)


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.fixable])
def test_what_can_be_mended_is_gone_afterwards_and_stays_so(model: Model, name: str) -> None:
    PROVOKED[name](model)
    assert fix(model) == 1
    assert name not in model.ids()
    assert model.diagnose().is_healthy
    before = {path: path.read_bytes() for path in model.root.rglob("*") if path.is_file()}
    assert fix(model) == 0
    assert {path: path.read_bytes() for path in model.root.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "name", [name for name, kind in KINDS.items() if not kind.fixable and name in PROVOKED]
)
def test_what_cannot_be_mended_does_not_promise_it(model: Model, name: str) -> None:
    PROVOKED[name](model)
    assert [f for f in model.diagnose().findings if f.kind.id == name and f.repair is not None] == []


def test_everything_at_once_is_mended_at_once(model: Model) -> None:
    model.edit('"$2"', "$1")
    model.edit("--continue 1", "")
    model.edit("--live_print 1", "--live_print=0")
    model.edit("localhost:$1", "192.168.1.7:12345")
    model.edit("--axmodel_num 2 \\", "--axmodel_num 2 \\ ")
    model.edit('post.axmodel" \\', 'post.axmodel"')
    model.edit("exec ", "")
    model.edit("#!/bin/sh\n", "")
    model.edit("\n", "\r\n")
    model.script.chmod(0o640)
    assert fix(model) == 1
    assert model.diagnose().findings == ()
    assert model.script.stat().st_mode & 0o777 == 0o750
    assert 'http://192.168.1.7:$1}"' in model.script.read_text()


def test_a_card_is_not_missed_when_no_model_needs_one(model: Model) -> None:
    model.edit("./main_axcl", "python3 -m axm1_llm.sim")
    model.have(cards=(), driver=False, nodes=(), libraries=False, smi=None, smi_reply=None)
    diagnosis = model.diagnose()
    assert {finding.severity for finding in diagnosis.findings} == {Severity.NOTE}
    assert diagnosis.is_healthy


def test_the_demos_own_folder_is_healthy(model: Model) -> None:
    shutil.copytree(model.folder, model.root / demo.MODEL_FOLDER)
    script = model.root / demo.MODEL_FOLDER / demo.RUN_SCRIPT
    script.write_text(demo.run_script(sys.executable, "weights.gguf"))
    script.chmod(0o755)
    model.descriptor.write_text(demo.descriptor())
    assert model.ids() == {"script.exec"}


def test_what_follows_from_a_missing_driver_is_not_told_as_well(model: Model) -> None:
    PROVOKED["host.driver-not-loaded"](model)
    model.have(smi_reply=None)
    assert model.ids() == {"host.driver-not-loaded"}


def test_a_tokenizer_that_another_container_may_have_is_no_error(model: Model) -> None:
    PROVOKED["tokenizer.folder-missing"](model)
    assert not model.diagnose().is_healthy
    model.have(container=True)
    assert model.diagnose().is_healthy
    assert "tokenizer.folder-missing" in model.ids()


def test_a_container_is_told_which_group_it_needs(model: Model) -> None:
    PROVOKED["host.device-rights"](model)
    nodes = tuple(type(node)(node.name, 0o660, 44, usable=False) for node in model.machine.nodes)
    model.have(nodes=nodes, container=True)
    (first, *_) = model.diagnose().findings
    assert "--group-add 44" in first.mend


def test_no_descriptor_anywhere_is_one_finding(tmp_path: Path) -> None:
    with pytest.raises(DescriptorError) as caught:
        find_descriptor(None, places=(str(tmp_path / "none.json"),))
    assert len(check_failure(caught.value, None)) == 1
