from __future__ import annotations

import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from axm1_llm.descriptors import load_descriptors
from axm1_llm.errors import DescriptorError, ModelNotFoundError
from axm1_llm.folder import FolderError
from axm1_llm.folder.adding import Added, add_folder, remove_model
from folder import published

HOST = "x86_64"
OTHERS = """// mine
[
    {   "model_name": "other",   // do not touch
        "run_cmd": "./run.sh", "model_path": "/models/other", "tokenizer_port": "12345" }
]
"""


def add(folder: Path, file: Path, **options: object) -> Added:
    return add_folder(folder, file, machine=HOST, **options)  # type: ignore[arg-type] # any of them


def sources(added: Added) -> dict[str, tuple[object, str]]:
    assert added.entry is not None
    return {finding.key: (finding.value, finding.source) for finding in added.entry.findings}


def test_a_folder_of_the_first_generation_gets_an_entry_that_the_reader_takes(tmp_path: Path) -> None:
    folder, file = published.first_generation(tmp_path).path, tmp_path / "model-descriptor.json"
    added = add(folder, file)
    assert (added.name, added.is_written, added.is_new_file) == (
        "qwen2.5-1.5b-instruct-gptq-int8",
        True,
        True,
    )
    (model,) = load_descriptors(file).models
    assert model.run_cmd == "./run_qwen2.5_1.5b_gptq_int8_axcl_x86.sh"
    assert (model.model_path, model.tokenizer_path) == (folder, folder)
    assert (model.tokenizer, model.tokenizer_folder()) == ("builtin", folder / "qwen2.5_tokenizer")
    assert model.capabilities == ("completion", "tools", "thinking")
    assert model.details == {
        "format": "axmodel",
        "parent_model": "Qwen/Qwen2.5-1.5B-Instruct-GPTQ-Int8",
        "family": "qwen2",
        "families": ["qwen2"],
        "parameter_size": "1.5B",
        "quantization_level": "GPTQ-INT8",
    }
    assert file.stat().st_mode & 0o777 == 0o644


def test_every_value_is_told_with_where_it_comes_from(tmp_path: Path) -> None:
    found = sources(add(published.second_generation(tmp_path).path, tmp_path / "d.json"))
    assert found["tokenizer"] == (
        "builtin",
        "qwen3_tokenizer/tokenizer.json, which qwen3_tokenizer_uid.py reads as well",
    )
    assert found["tokenizer_path"][0] == "Qwen3-0.6B/qwen3_tokenizer"
    assert found["run_cmd"][1] == "it starts main_axcl_x86, for a card in an x86_64 host"
    assert found["devices"] == ([0], "--devices in run_qwen3_0.6b_int8_ctx_axcl_x86.sh")
    assert found["details.family"] == ("qwen3", "the layers' file name, qwen3_p128_l%d_together.axmodel")
    assert found["context_length"][0] is None
    assert all(source for _, source in found.values())


def test_the_script_is_that_for_the_host(tmp_path: Path) -> None:
    folder = published.second_generation(tmp_path).path
    arm = add_folder(folder, tmp_path / "d.json", machine="aarch64", dry_run=True)
    assert sources(arm)["run_cmd"][0] == "./run_qwen3_0.6b_int8_ctx_axcl_aarch64.sh"


def test_the_file_itself_tells_more_of_a_program_than_its_name(tmp_path: Path) -> None:
    folder = published.first_generation(tmp_path).path
    published.write_elf(folder / "main_axcl_x86", "aarch64")
    published.write_elf(folder / "main_axcl_aarch64", "x86_64")
    assert "aarch64.sh" in str(sources(add(folder, tmp_path / "d.json", dry_run=True))["run_cmd"][0])


def test_a_script_for_another_host_is_taken_with_a_word_when_there_is_no_better_one(tmp_path: Path) -> None:
    folder = published.vision(tmp_path).path
    added = add_folder(folder, tmp_path / "d.json", machine="aarch64", dry_run=True)
    assert added.entry is not None
    assert added.entry.notes == ("main_axcl_x86 is for x86_64, and this host is aarch64",)
    assert "vision" in str(sources(added)["capabilities"][0])


def test_a_folder_of_the_third_generation_runs_on_the_vendors_server(tmp_path: Path) -> None:
    folder, file = published.third_generation(tmp_path).path, tmp_path / "d.json"
    add(folder, file)
    (model,) = load_descriptors(file).models
    assert (model.runtime, model.tokenizer, model.tokenizer_port, model.devices) == (
        "axllm",
        "none",
        None,
        (0,),
    )
    assert model.capabilities == ("completion", "tools", "thinking")


def test_an_embedding_model_does_nothing_else(tmp_path: Path) -> None:
    folder, file = published.third_generation(tmp_path, is_embedding=True).path, tmp_path / "d.json"
    add(folder, file)
    assert load_descriptors(file).models[0].capabilities == ("embedding",)


def test_the_other_entries_and_their_comments_stay_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "d.json"
    file.write_text(OTHERS)
    file.chmod(0o600)
    added = add(published.first_generation(tmp_path).path, file)
    text = file.read_text()
    assert text.startswith(OTHERS.removesuffix("\n]\n") + ",\n  {\n")
    assert not added.is_new_file
    assert file.stat().st_mode & 0o777 == 0o600
    assert load_descriptors(file).models[1].tokenizer_port == 12346  # 12345 is the other's
    remove_model(added.name, file)
    assert file.read_text() == OTHERS


def test_a_port_at_which_somebody_listens_is_not_taken(tmp_path: Path) -> None:
    folder, file = published.first_generation(tmp_path).path, tmp_path / "d.json"
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        from axm1_llm.folder import adding  # noqa: PLC0415 - its first port is another one here

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(adding, "_FIRST_PORT", port)
            patch.setattr(adding, "_LAST_PORT", port)
            with pytest.raises(FolderError, match="is taken"):
                add(folder, file)
    assert not file.exists()


def test_a_folder_that_is_there_already_is_not_added_again(tmp_path: Path) -> None:
    folder, file = published.first_generation(tmp_path).path, tmp_path / "d.json"
    add(folder, file, name="mine")
    text = file.read_text()
    again = add(folder / ".." / folder.name, file)
    assert (again.name, again.was_there, again.is_written) == ("mine", True, False)
    assert file.read_text() == text


def test_another_script_of_the_same_folder_is_another_model(tmp_path: Path) -> None:
    folder, file = published.first_generation(tmp_path).path, tmp_path / "d.json"
    add(folder, file)
    board = "run_qwen2.5_1.5b_gptq_int8_ax650.sh"
    with pytest.raises(FolderError, match="the name of another model"):
        add(folder, file, script=board)
    assert add(folder, file, script=board, name="board").is_written
    with pytest.raises(FolderError, match="it has: run_qwen"):
        add(folder, file, script="run.sh")
    assert [model.model_name for model in load_descriptors(file).models][1] == "board"


def test_a_trial_writes_nothing(tmp_path: Path) -> None:
    added = add(published.first_generation(tmp_path).path, tmp_path / "new" / "d.json", dry_run=True)
    assert (added.is_written, added.is_new_file, added.entry is None) == (False, True, False)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [('[{"model_name": "x"}]', "run_cmd"), ("[", "no valid JSON"), ("{}", "expected a list")],
)
def test_a_file_that_cannot_be_used_stays_as_it_is(tmp_path: Path, content: str, words: str) -> None:
    folder, file = published.first_generation(tmp_path).path, tmp_path / "d.json"
    file.write_text(content)
    with pytest.raises(DescriptorError, match=words):
        add(folder, file)
    assert file.read_text() == content


def test_a_name_that_no_model_may_have_is_refused_and_nothing_written(tmp_path: Path) -> None:
    folder, file = published.first_generation(tmp_path).path, tmp_path / "d.json"
    with pytest.raises(DescriptorError, match="model_name"):
        add(folder, file, name="a b")
    assert not file.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_takes_no_file_is_named(tmp_path: Path) -> None:
    folder = published.first_generation(tmp_path).path
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(DescriptorError, match="closed"):
        add(folder, closed / "d.json")


def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "d.json").symlink_to(tmp_path / "real/d.json")
    (tmp_path / "real/d.json").write_text(OTHERS)
    add(published.first_generation(tmp_path).path, tmp_path / "d.json")
    assert (tmp_path / "d.json").is_symlink()
    assert len(load_descriptors(tmp_path / "real/d.json").models) == 2


def test_without_a_tokenizer_json_the_vendors_script_is_taken(tmp_path: Path) -> None:
    folder, file = published.first_generation(tmp_path).path, tmp_path / "d.json"
    (folder / "qwen2.5_tokenizer/tokenizer.json").unlink()
    with (folder / "qwen2.5_tokenizer.py").open("a") as script:
        script.write("from transformers import AutoTokenizer\n")
    added = add(folder, file)
    assert added.entry is not None
    assert "needs the package transformers" in added.entry.notes[-1]
    (model,) = load_descriptors(file).models
    assert (model.tokenizer, model.tokenizer_py) == ("script", "qwen2.5_tokenizer.py")


def test_a_runtime_with_a_tokenizer_inside_gets_no_port(tmp_path: Path) -> None:
    folder, file = published.first_generation(tmp_path).path, tmp_path / "d.json"
    script = folder / "run_qwen2.5_1.5b_gptq_int8_axcl_x86.sh"
    script.write_text(script.read_text().replace("--tokenizer_type 2", "--tokenizer_type 1"))
    add(folder, file)
    (model,) = load_descriptors(file).models
    assert (model.tokenizer, model.tokenizer_port) == ("none", None)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a" * 40, "base_model: Qwen/Qwen3-4B", "qwen3-4b"),
        ("snapshots", "base_model:\n  - Qwen/Qwen3-4B", "qwen3-4b"),
        ("DeepSeek R1 (7B)", "", "deepseek-r1-7b"),
    ],
)
def test_the_name_is_one_that_says_something(tmp_path: Path, name: str, content: str, expected: str) -> None:
    folder = published.first_generation(tmp_path).path.rename(tmp_path / name)
    (folder / "README.md").write_text(f"---\n{content}\n---\n")
    assert add(folder, tmp_path / "d.json", dry_run=True).name == expected


def test_a_thinking_model_is_known_by_its_name_where_no_template_shows_it(tmp_path: Path) -> None:
    folder = published.first_generation(tmp_path).path.rename(tmp_path / "DeepSeek-R1-Distill-Qwen-1.5B")
    config = folder / "qwen2.5_tokenizer/tokenizer_config.json"
    config.write_text(json.dumps({"eos_token": "<|im_end|>", "chat_template": "{{ messages }}"}))
    assert sources(add(folder, tmp_path / "d.json"))["capabilities"][0] == ["completion", "thinking"]


@pytest.mark.parametrize("what", ["nothing", "below", "around", "empty", "api"])
def test_what_has_no_model_says_what_is_missing(tmp_path: Path, what: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    words = "no model that can be run"
    if what == "below":
        published.first_generation(folder)
        words = f"a folder in it may be meant: {published.FIRST}"
    if what == "around":
        (tmp_path / "run.sh").touch()
        words = f"the folder around it may be meant: '{tmp_path}'"
    if what == "empty":
        (folder / "config.json").touch()
        words = "is the download complete"
    if what == "api":
        (folder / "run_api.sh").write_text("./main_api_axcl_x86 --axmodel_num 1 --system_prompt x\n")
        words = "run_api.sh starts the vendor's own server"
    with pytest.raises(FolderError, match=words):
        add(folder, tmp_path / "d.json")


def test_a_removed_model_leaves_the_rest_and_its_folder(tmp_path: Path) -> None:
    folder, file = published.first_generation(tmp_path).path, tmp_path / "d.json"
    file.write_text(OTHERS)
    add(folder, file, name="mine")
    removed = remove_model("MINE", file)
    assert (removed.model.model_path, removed.shared) == (folder, ())
    assert removed.text.startswith('  {\n    "model_name": "mine"')
    assert file.read_text() == OTHERS
    assert (folder / "config.json").exists()
    with pytest.raises(ModelNotFoundError):
        remove_model("mine", file)


def test_models_that_share_the_folder_of_a_removed_one_are_told(tmp_path: Path) -> None:
    folder, file = published.first_generation(tmp_path).path, tmp_path / "d.json"
    add(folder, file)
    add(folder, file, name="board", script="run_qwen2.5_1.5b_gptq_int8_ax650.sh")
    assert remove_model("board", file, dry_run=True).shared == ("qwen2.5-1.5b-instruct-gptq-int8",)
    assert len(load_descriptors(file).models) == 2


def test_folders_that_are_added_at_the_same_time_all_get_there(tmp_path: Path) -> None:
    file = tmp_path / "d.json"
    folders = [
        make(tmp_path).path
        for make in (published.first_generation, published.second_generation, published.third_generation)
    ]
    with ThreadPoolExecutor(len(folders)) as pool:
        list(pool.map(lambda folder: add(folder, file), folders))
    models = load_descriptors(file).models
    assert {model.model_path for model in models} == set(folders)


def test_a_link_gives_the_name_that_the_user_gave_it(tmp_path: Path) -> None:
    folder = published.first_generation(tmp_path).path.rename(tmp_path / ("0" * 40))
    (tmp_path / "kitchen").symlink_to(folder)
    added = add(tmp_path / "x" / ".." / "kitchen", tmp_path / "d.json")
    assert (added.name, added.folder) == ("kitchen", tmp_path / "kitchen")


def test_a_folder_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    folder = published.first_generation(tmp_path).path.rename(tmp_path / os.fsdecode(b"\xff"))
    with pytest.raises(FolderError, match="no UTF-8"):
        add(folder, tmp_path / "d.json")


def test_a_server_that_is_nowhere_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = published.third_generation(tmp_path)
    for path, notes in ((str(tmp_path), 1), (str(here.bin), 0)):
        monkeypatch.setenv("PATH", path)
        added = add(here.path, tmp_path / "d.json", dry_run=True)
        assert added.entry is not None
        assert len(added.entry.notes) == notes
