from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from axm1_llm.descriptors import ModelDescriptor

from .conftest import Load


@pytest.fixture
def model(load: Load, tmp_path: Path) -> ModelDescriptor:
    """A model whose folder holds a good run script and a tokenizer."""
    folder = tmp_path / "qwen"
    folder.mkdir()
    (folder / "run.sh").write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    (folder / "run.sh").chmod(0o755)
    (folder / "tokenizer.json").touch()
    return load()


def test_a_model_that_is_all_there_has_no_problem(model: ModelDescriptor) -> None:
    assert model.problem() is None
    assert model.tokenizer_problem() is None
    assert subprocess.run(model.command(), cwd=model.model_path, check=False).returncode == 0


def test_the_disk_is_looked_at_each_time(model: ModelDescriptor) -> None:
    script = model.model_path / "run.sh"
    script.rename(model.model_path / "away")
    assert model.problem() == f"run_cmd './run.sh' is not in model_path '{model.model_path}'"
    (model.model_path / "away").rename(script)
    assert model.problem() is None


def test_a_missing_folder_is_named_as_the_descriptor_names_it(load: Load) -> None:
    model = load(model_path="/app/model/x", tokenizer_path="/app/tok/x")
    assert model.problem() == "model_path '/app/model/x' does not exist"
    assert model.tokenizer_problem() == "tokenizer_path '/app/tok/x' does not exist"


def test_a_file_in_place_of_the_folder_is_told(load: Load, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert load(model_path="file").problem() == f"model_path '{tmp_path}/file' is not a folder"


def test_a_script_without_the_run_bit_is_told_with_the_command_that_mends_it(model: ModelDescriptor) -> None:
    script = model.model_path / "run.sh"
    script.chmod(0o644)
    problem = model.problem()
    assert problem == f"run_cmd './run.sh' is not executable; run: chmod +x {script}"
    subprocess.run(problem.partition("run: ")[2], shell=True, check=True)  # noqa: S602 - the advice must work
    assert model.problem() is None


def test_a_script_without_a_first_line_is_told(model: ModelDescriptor) -> None:
    (model.model_path / "run.sh").write_text("./main_axcl_aarch64 --live_print 1\n", encoding="utf-8")
    assert (
        model.problem()
        == f"run_cmd './run.sh' has no '#!/bin/sh' on its first line ('{model.model_path}/run.sh')"
    )


def test_a_script_with_windows_line_ends_is_told_with_the_command_that_mends_it(
    model: ModelDescriptor,
) -> None:
    (model.model_path / "run.sh").write_bytes(b"#!/bin/sh\r\nexit 0\r\n")
    problem = model.problem()
    assert problem is not None
    assert "Windows line ends" in problem
    subprocess.run(problem.partition("run: ")[2], shell=True, check=True)  # noqa: S602 - the advice must work
    assert (model.model_path / "run.sh").read_bytes() == b"#!/bin/sh\nexit 0\n"


@pytest.mark.parametrize("line", ["#!/nowhere/sh", "#!sh", "#!", "#! "])
def test_a_script_whose_interpreter_is_not_there_is_told(model: ModelDescriptor, line: str) -> None:
    (model.model_path / "run.sh").write_text(f"{line}\n", encoding="utf-8")
    assert "on its first line, which does not exist here" in str(model.problem())


def test_a_program_in_machine_code_needs_no_first_line(model: ModelDescriptor) -> None:
    (model.model_path / "run.sh").write_bytes(b"\x7fELF\x02\x01")
    assert model.problem() is None


def test_a_script_name_without_a_path_means_the_file_in_the_folder(
    load: Load, model: ModelDescriptor
) -> None:
    assert load(run_cmd="run.sh").command() == ("./run.sh", "12345", "")
    assert load(run_cmd="run.sh").problem() is None


def test_words_after_the_script_come_before_the_port(load: Load, model: ModelDescriptor) -> None:
    assert load(run_cmd="sh './run.sh' -x", tokenizer="none", tokenizer_port=None).command() == (
        "sh", "./run.sh", "-x", "0", "",
    )  # fmt: skip
    assert load(run_cmd="sh ./run.sh").problem() is None


def test_a_command_that_is_nowhere_is_told(load: Load, model: ModelDescriptor) -> None:
    assert load(run_cmd="run-nothing.sh").problem() == (
        f"run_cmd 'run-nothing.sh' is neither in model_path '{model.model_path}' nor a command of this system"
    )


def test_a_tokenizer_in_the_only_folder_that_has_one_is_found(load: Load, model: ModelDescriptor) -> None:
    assert model.tokenizer_folder() == model.model_path
    (model.model_path / "tokenizer.json").unlink()
    assert model.tokenizer_problem() == f"tokenizer_path '{model.model_path}' has no tokenizer.json"
    (model.model_path / "qwen_tokenizer").mkdir()
    (model.model_path / "qwen_tokenizer/tokenizer.json").touch()
    assert model.tokenizer_folder() == model.model_path / "qwen_tokenizer"
    (model.model_path / "other_tokenizer").mkdir()
    (model.model_path / "other_tokenizer/tokenizer.json").touch()
    assert model.tokenizer_folder() is None


def test_a_missing_tokenizer_script_is_told(load: Load, model: ModelDescriptor) -> None:
    described = load(tokenizer_py="tok.py")
    assert (
        described.tokenizer_problem()
        == f"tokenizer_py 'tok.py' is not in tokenizer_path '{model.model_path}'"
    )
    (model.model_path / "tok.py").touch()
    assert described.tokenizer_problem() is None


def test_a_model_without_a_tokenizer_misses_none(load: Load) -> None:
    assert load(tokenizer="none", tokenizer_path="/nowhere").tokenizer_problem() is None


def test_a_chat_template_is_a_text_or_a_file_beside_the_tokenizer(load: Load, model: ModelDescriptor) -> None:
    assert model.template_text() is None
    assert load(chat_template="{{ messages }}.jinja").template_text() == "{{ messages }}.jinja"
    assert load(chat_template="{{ messages }}").tokenizer_problem() is None
    described = load(chat_template="mine.jinja")
    assert (
        described.tokenizer_problem()
        == f"chat_template 'mine.jinja' is not in tokenizer_path '{model.model_path}'"
    )
    (model.model_path / "mine.jinja").write_text("{{ bos_token }}", encoding="utf-8")
    assert described.tokenizer_problem() is None
    assert described.template_text() == "{{ bos_token }}"


def test_the_keep_alive_is_given_in_seconds(load: Load) -> None:
    assert load().keep_alive_seconds is None
    assert load(keep_alive="5m").keep_alive_seconds == 300.0
    assert load(keep_alive=-1).keep_alive_seconds == float("inf")


@pytest.mark.parametrize("key", ["model_path", "tokenizer_path", "tokenizer_py"])
def test_a_place_that_the_system_will_not_look_at_is_told(
    load: Load, model: ModelDescriptor, key: str
) -> None:
    asked = {"model_path": str(model.model_path), "tokenizer": "script", "tokenizer_py": "t.py"}
    found = load(**{**asked, key: "x" * 300})
    told = f"{found.problem()} {found.tokenizer_problem()}"
    assert f"{'x' * 300}' cannot be looked at: File name too long" in told


def test_a_command_that_no_file_can_be_called_is_no_file(load: Load) -> None:
    found = load(run_cmd="x" * 300)
    assert found.command()[0] == "x" * 300
    assert "neither in model_path" in str(found.problem()) or "does not exist" in str(found.problem())
