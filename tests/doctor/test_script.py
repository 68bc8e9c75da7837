"""What of a run script is right although it looks otherwise, and how it is edited."""

from __future__ import annotations

import pytest

from axm1_llm.doctor import script_edits as edits
from doctor.models import Model, elf


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("localhost:$1", "127.0.0.1:${1}"),
        ("http://localhost:$1", "${AXM1_TOKENIZER_URL:-http://localhost:$1}"),
        ("http://localhost:$1", "$AXM1_TOKENIZER_URL"),
        ("localhost:$1", "[::1]:$1"),
        ('"$2"', '"${2}"'),
        ("--continue 1", "--continue=1"),
        ("#!/bin/sh", "#!/bin/sh -e"),
    ],
)
def test_other_ways_to_write_it_are_right_too(model: Model, old: str, new: str) -> None:
    model.edit(old, new)
    assert model.ids() == set()


def test_the_scripts_own_variables_are_followed(model: Model) -> None:
    model.edit("#!/bin/sh\n", '#!/bin/sh\nPORT=$1\nTEXT="$2"\nDIR=model\n')
    model.edit("localhost:$1", "localhost:$PORT")
    model.edit('--prompt "$2"', '--prompt "$TEXT"')
    model.edit('"model/post', '"$DIR/post')
    assert model.ids() == set()


def test_a_runtime_that_keeps_a_history_may_lack_flags_it_does_not_know(model: Model) -> None:
    model.edit("--continue 1", '--system_prompt "You are kind."')
    assert model.ids() == set()


def test_after_a_cd_files_are_looked_for_there(model: Model) -> None:
    for name in ("layer_0.axmodel", "layer_1.axmodel", "post.axmodel", "embed.bin"):
        model.put(f"deep/model/{name}", b"weights")
    model.put("deep/main_axcl", (model.folder / "main_axcl").read_bytes()).chmod(0o755)
    (model.folder / "model/post.axmodel").unlink()
    model.edit("exec ", "cd deep\nexec ")
    assert model.ids() == set()


def test_a_comment_between_continued_lines_is_told_but_left_to_its_writer(model: Model) -> None:
    model.edit("--axmodel_num 2 \\\n", "--axmodel_num 2 \\\n  # --top_k 1 \\\n")
    (finding,) = [f for f in model.diagnose().findings if f.kind.id == "script.broken-lines"]
    assert finding.repair is None


@pytest.mark.parametrize(("here", "there"), [("x86_64", "aarch64"), ("aarch64", "x86_64")])
def test_a_script_for_this_machine_in_the_same_folder_is_named(model: Model, here: str, there: str) -> None:
    model.have(architecture=here)
    model.put("main_axcl", elf(there)).chmod(0o755)
    model.put("main_axcl_2", elf(here)).chmod(0o755)
    model.put("run_2.sh", b"#!/bin/sh\n./main_axcl_2\n")
    (finding,) = [finding for finding in model.diagnose().findings if finding.kind.id == "files.architecture"]
    assert '"run_cmd": "./run_2.sh"' in finding.mend


def test_a_folder_of_the_third_generation_without_its_program_is_told_to_get_it(model: Model) -> None:
    model.put("config.json", b'{"model_name": "x"}')
    model.describe(runtime="axllm", run_cmd=None, tokenizer_port=None)
    model.script.unlink()
    (finding,) = [finding for finding in model.diagnose().findings if finding.kind.id == "script.missing"]
    assert "install the vendor's axllm" in finding.mend


def test_the_generation_of_the_folder_is_told(model: Model) -> None:
    model.edit("./main_axcl", "./main_axcl_aarch64")
    (place,) = model.diagnose().places
    assert place.generation.startswith("first")
    model.edit("--continue 1", '--system_prompt "You are kind."')
    (place,) = model.diagnose().places
    assert place.generation.startswith("second")


def test_a_flag_gets_a_line_of_its_own_where_flags_have_lines() -> None:
    text = "./main_axcl \\\n  --axmodel_num 2 \\\n  --prompt x\n"
    assert edits.with_flag("continue", "1")(text) == (
        "./main_axcl \\\n  --continue 1 \\\n  --axmodel_num 2 \\\n  --prompt x\n"
    )


def test_a_flag_stays_on_the_line_of_a_command_on_one_line() -> None:
    assert edits.with_flag("continue", "1")("./m --axmodel_num 2\n") == "./m --continue 1 --axmodel_num 2\n"


def test_a_flag_that_stands_there_twice_is_changed_twice() -> None:
    text = "./m --live_print 0 --live_print=false\n"
    assert edits.with_flag("live_print", "1")(text) == "./m --live_print 1 --live_print=1\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("http://127.0.0.1:12345", '"http://127.0.0.1:$1"'),
        ('"http://localhost:8080/"', '"http://localhost:$1"'),
        ("'http://tokenizer:80'", '"${AXM1_TOKENIZER_URL:-http://localhost:$1}"'),
        ("http://192.168.1.7:1", '"${AXM1_TOKENIZER_URL:-http://192.168.1.7:$1}"'),
        ("http://127.0.0.1:1", '"http://127.0.0.1:$1"'),
    ],
)
def test_the_host_of_the_tokenizers_address_stays_where_it_can(before: str, after: str) -> None:
    text = f"./m --filename_tokenizer_model {before} --live_print 1\n"
    assert edits.own_address(text) == f"./m --filename_tokenizer_model {after} --live_print 1\n"


@pytest.mark.parametrize(
    "edit",
    [
        edits.first_line,
        edits.unix_lines,
        edits.whole_lines,
        edits.with_exec,
        edits.with_flag("prompt", '"$2"'),
    ],
)
def test_an_edit_done_twice_is_an_edit_done_once(edit: object) -> None:
    assert callable(edit)
    text = "./m --live_print 0 \\  \r\n --axmodel_num 1\n  --continue 0\n"
    assert edit(edit(text)) == edit(text)


@pytest.mark.parametrize(
    "text", ["", "\n", "#", "\\", '"', "$(", "--x", "./m --prompt", "./m --live_print=\\"]
)
def test_what_is_no_script_is_edited_without_an_error(text: str) -> None:
    for edit in (edits.first_line, edits.whole_lines, edits.own_address, edits.any_address, edits.with_exec):
        assert isinstance(edit(text), str)
