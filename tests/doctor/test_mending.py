"""The mends: nothing is lost, nothing of somebody else's is changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from axm1_llm.doctor.diagnosis import diagnose
from axm1_llm.doctor.mending import MendingError, apply, plan
from axm1_llm.doctor.pointing import point_at
from axm1_llm.errors import DescriptorError
from doctor.models import Model


def test_the_mode_stays_and_what_was_before_stays_beside_it(model: Model) -> None:
    model.edit("--live_print 1", "--live_print 0")
    model.script.chmod(0o710)
    before = model.script.read_bytes()
    (change,), _ = plan(model.diagnose(), None, may_write=lambda _: True)
    assert apply(change, point_at) == model.folder / "run.sh.orig"
    assert (model.folder / "run.sh.orig").read_bytes() == before
    assert model.script.stat().st_mode & 0o777 == 0o710


def test_an_older_copy_of_what_was_before_is_kept(model: Model) -> None:
    model.put("run.sh.orig", b"the vendor's own")
    model.edit("--live_print 1", "--live_print 0")
    (change,), _ = plan(model.diagnose(), None, may_write=lambda _: True)
    assert apply(change, point_at) == model.folder / "run.sh.orig.1"
    assert (model.folder / "run.sh.orig").read_bytes() == b"the vendor's own"


def test_the_diff_shows_what_changes_and_nothing_else(model: Model) -> None:
    model.edit("--live_print 1", "--live_print 0")
    (change,), _ = plan(model.diagnose(), None, may_write=lambda _: True)
    changed = [
        line for line in change.diff().splitlines() if line[:1] in "+-" and line[:3] not in {"+++", "---"}
    ]
    assert changed == [
        "-  --devices 0 --live_print 0 --continue 1 \\",
        "+  --devices 0 --live_print 1 --continue 1 \\",
    ]


def test_bytes_that_are_no_utf8_stay_as_they_are(model: Model) -> None:
    model.script.write_bytes(
        model.script.read_bytes().replace(b"exec", b"# \xff\xfe\nexec").replace(b'"$2"', b'"$1"')
    )
    (change,), _ = plan(model.diagnose(), None, may_write=lambda _: True)
    apply(change, point_at)
    assert b"# \xff\xfe\n" in model.script.read_bytes()
    assert b'"$2"' in model.script.read_bytes()


def test_a_script_that_somebody_changed_since_is_left_alone(model: Model) -> None:
    model.edit("--live_print 1", "--live_print 0")
    (change,), _ = plan(model.diagnose(), None, may_write=lambda _: True)
    model.edit("#!/bin/sh\n", "#!/bin/sh\n# mine\n")
    text = model.script.read_text()
    with pytest.raises(MendingError, match="was changed just now"):
        apply(change, point_at)
    assert model.script.read_text() == text
    assert not (model.folder / "run.sh.orig").exists()


def test_in_a_folder_that_is_not_ours_the_entry_names_a_mended_copy(model: Model) -> None:
    model.edit('"$2"', '"$1"')
    model.script.chmod(0o644)
    before = model.script.read_bytes()
    ours = model.root
    (change,), refusals = plan(model.diagnose(), None, may_write=lambda path: path.parent == ours)
    assert refusals == ()
    assert apply(change, point_at) is None
    assert model.script.read_bytes() == before
    assert model.script.stat().st_mode & 0o777 == 0o644
    assert model.entry["run_cmd"] == str(model.root / "axm1-qwen.sh")
    assert model.diagnose().findings == ()


def test_a_copy_for_a_container_is_named_as_the_container_sees_it(model: Model) -> None:
    model.describe(model_path="/app/model/qwen")
    model.edit('"$2"', '"$1"')
    ours = model.root
    (change,), _ = plan(model.diagnose(), None, may_write=lambda path: path.parent == ours)
    apply(change, point_at)
    assert model.entry["run_cmd"] == "/app/model/axm1-qwen.sh"


def test_a_script_that_asks_for_its_own_folder_is_not_copied(model: Model) -> None:
    model.edit("exec ", 'cd "$(dirname "$0")"\nexec ')
    model.edit('"$2"', '"$1"')
    ours = model.root
    changes, (refusal,) = plan(model.diagnose(), None, may_write=lambda path: path.parent == ours)
    assert changes == ()
    assert "$0" in refusal


def test_where_even_the_descriptor_is_not_ours_the_copy_goes_to_the_state_folder(
    model: Model, tmp_path: Path
) -> None:
    model.edit('"$2"', '"$1"')
    entry = model.entry
    state = tmp_path / "state"
    (change,), _ = plan(model.diagnose(), state, may_write=lambda _: False)
    apply(change, point_at)
    assert model.entry == entry
    assert str(state / "axm1-qwen.sh") in change.summary
    assert '"$2"' in (state / "axm1-qwen.sh").read_text()
    # The second time there is nothing to do but what its owner has to.
    changes, (refusal,) = plan(model.diagnose(), state, may_write=lambda _: False)
    assert changes == ()
    assert str(state / "axm1-qwen.sh") in refusal
    assert plan(model.diagnose(), None, may_write=lambda _: False)[0] == ()


def test_a_program_in_a_folder_that_is_not_ours_is_left_to_its_owner(model: Model) -> None:
    (model.folder / "main_axcl").chmod(0o644)
    ours = model.root
    changes, (refusal,) = plan(model.diagnose(), None, may_write=lambda path: path.parent == ours)
    assert changes == ()
    assert "chmod +x" in refusal


def test_two_models_with_one_script_have_it_mended_once(model: Model) -> None:
    one = model.entry
    two = {**one, "model_name": "second", "tokenizer_port": 12346}
    model.descriptor.write_text(json.dumps([one, two]))
    model.edit('"$2"', '"$1"')
    changes, _ = plan(model.diagnose(), None, may_write=lambda _: True)
    assert len(changes) == 1
    apply(changes[0], point_at)
    assert model.diagnose().findings == ()


def test_only_the_run_cmd_of_that_entry_changes(tmp_path: Path) -> None:
    file = tmp_path / "model-descriptor.json"
    text = (
        '// mine: "run_cmd": {\r\n[\n  {"model_name":"a", /* "run_cmd":"x", */'
        ' "run_cmd" : "./run.sh", "details": {"run_cmd": "no"}},\n'
        '  { "details":{"x":["run_cmd"]}, "run_cmd":"./\\"b\\".sh","model_name" :"B" , "system":"é{" }\n]\n'
    )
    file.write_bytes(text.encode())
    file.chmod(0o664)
    point_at(file, "b", '/x/"y".sh')
    assert file.read_bytes().decode() == text.replace('"./\\"b\\".sh"', '"/x/\\"y\\".sh"')
    assert file.stat().st_mode & 0o777 == 0o664
    with pytest.raises(DescriptorError, match="'c'"):
        point_at(file, "c", "./x.sh")


def test_diagnosing_changes_nothing(model: Model) -> None:
    model.edit("exec ", "")
    before = {path: path.stat().st_mtime_ns for path in model.root.rglob("*")}
    diagnose(model.descriptor, machine=model.machine)
    assert {path: path.stat().st_mtime_ns for path in model.root.rglob("*")} == before
