from __future__ import annotations

import json
from pathlib import Path

import pytest

from axm1_llm.cli.exits import Exit
from axm1_llm.descriptors import load_descriptors
from cli.fake_service import FakeService, Reply, report
from cli.programs import Terminal, axm1
from folder import published

NAME = "qwen2.5-1.5b-instruct-gptq-int8"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return published.first_generation(tmp_path).path


def test_a_folder_is_added_and_each_value_is_explained(folder: Path, tmp_path: Path) -> None:
    done = axm1("add", str(folder))
    text = done.stdout.decode()
    assert done.returncode == Exit.OK, done.stderr
    assert "  details.parameter_size       1.5B (base_model in README.md)\n" in text
    file = tmp_path / "model-descriptor.json"  # nobody named one: it is new, beside the folder
    assert f"Added '{NAME}' to the new file {file}." in text
    assert [model.model_name for model in load_descriptors(file).models] == [NAME]


def test_a_folder_that_is_there_already_is_told(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    axm1("add", str(folder), "--descriptor", str(file), "--name", "mine")
    done = axm1("add", str(folder), "--descriptor", str(file))
    assert (done.returncode, done.stderr) == (Exit.OK, b"")
    assert f"'{folder}' is in {file} already, as the model 'mine'." in done.stdout.decode()


def test_a_trial_shows_the_entry_and_writes_nothing(folder: Path, tmp_path: Path) -> None:
    done = axm1("add", str(folder), "--dry-run", env={"AXM1_DESCRIPTOR": str(tmp_path)})
    assert done.returncode == Exit.OK, done.stderr
    text = done.stdout.decode()
    assert json.loads(text[text.index("\n{") :])["model_name"] == NAME
    assert not (tmp_path / "model-descriptor.json").exists()


def test_what_cannot_be_added_is_one_line(tmp_path: Path) -> None:
    done = axm1("add", str(tmp_path / "gone"))
    assert (done.returncode, done.stdout) == (Exit.ERROR, b"")
    assert b"does not exist" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_on_a_terminal_it_asks(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "model-descriptor.json"
    with Terminal("add", str(folder)) as terminal:
        terminal.see("Add it to ")
        terminal.type("n\n")
        assert terminal.leave() == Exit.ERROR
    assert not file.exists()
    with Terminal("add", str(folder)) as terminal:
        terminal.see("Add it to ")
        terminal.type("\n")
        terminal.see("Added ")
    assert file.exists()


@pytest.mark.parametrize("option", [("add", "--fix"), ("remove", "--delete-files")])
def test_what_asks_needs_somebody_to_answer(folder: Path, option: tuple[str, str]) -> None:
    done = axm1(option[0], str(folder), option[1])
    assert done.returncode == Exit.USAGE
    assert b"add --yes" in done.stderr


def test_a_removed_model_leaves_its_files(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "model-descriptor.json"
    axm1("add", str(folder))
    done = axm1("remove", NAME, "--descriptor", str(file))
    text = done.stdout.decode()
    assert done.returncode == Exit.OK, done.stderr
    assert f'"model_name": "{NAME}"' in text
    assert f"Its files stay in '{folder}'." in text
    assert load_descriptors(file).models == ()
    again = axm1("remove", NAME, "--descriptor", str(file))
    assert (again.returncode, again.stderr.decode()) == (Exit.ERROR, f"Error: model '{NAME}' not found\n")


def test_the_files_go_only_after_a_second_question(folder: Path, tmp_path: Path) -> None:
    axm1("add", str(folder))
    file = str(tmp_path / "model-descriptor.json")
    with Terminal("remove", NAME, "--descriptor", file, "--delete-files") as terminal:
        terminal.see("Remove it?")
        terminal.type("y\n")
        terminal.see("for ever?")
        terminal.type("\n")
        terminal.see("Its files stay")
        assert terminal.leave() == Exit.OK
    assert folder.exists()
    axm1("add", str(folder))
    done = axm1("remove", NAME, "--descriptor", file, "--delete-files", "--yes")
    assert done.returncode == Exit.OK, done.stderr
    assert not folder.exists()


def test_a_folder_that_others_need_is_not_deleted(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "model-descriptor.json"
    axm1("add", str(folder))
    axm1("add", str(folder), "--name", "twin", "--script", "run_qwen2.5_1.5b_gptq_int8_ax650.sh")
    done = axm1("remove", "twin", "--descriptor", str(file), "--delete-files", "--yes")
    assert done.returncode == Exit.ERROR
    assert b"is the folder of other models too" in done.stderr
    assert len(load_descriptors(file).models) == 2
    assert folder.exists()


def test_a_folder_with_the_descriptor_file_in_it_is_not_deleted(folder: Path) -> None:
    file = folder / "d.json"
    axm1("add", str(folder), "--descriptor", str(file))
    done = axm1("remove", NAME, "--descriptor", str(file), "--delete-files", "--yes")
    assert done.returncode == Exit.ERROR
    assert b"is not deleted" in done.stderr
    assert file.exists()


def test_all_models_are_listed_without_a_service(folder: Path, tmp_path: Path) -> None:
    axm1("add", str(folder), "--name", "mine")
    file = str(tmp_path / "model-descriptor.json")
    done = axm1("list", "--all", "--descriptor", file, "--port", "1", "--json")
    assert done.returncode == Exit.OK, done.stderr
    (row,) = json.loads(done.stdout)
    assert (row["name"], row["state"], row["folder"]) == ("mine", "no service", str(folder))
    assert "is not executable" in row["problem"]


def test_all_models_are_listed_beside_what_the_service_offers(
    folder: Path, tmp_path: Path, service: FakeService
) -> None:
    for name, machine in (("here", "x86"), ("new", "aarch64")):
        script = f"run_qwen2.5_1.5b_gptq_int8_axcl_{machine}.sh"
        axm1("add", str(folder), "--name", name, "--script", script)
    service.answer("/api/tags", Reply(body={"models": []}))
    service.answer("/api/status", Reply(body={"models": [report("here", "ready"), report("else", "idle")]}))
    file = tmp_path / "model-descriptor.json"
    done = axm1("list", "--all", "--descriptor", str(file), "--host", service.url)
    assert done.returncode == Exit.OK, done.stderr
    lines = [line.split(maxsplit=3) for line in done.stdout.decode().splitlines()]
    assert lines[0] == ["NAME", "STATE", "FOLDER", "PROBLEM"]
    assert lines[1][:3] == ["here", "ready", str(folder)]
    assert lines[2][:3] == ["new", "not", "offered"]
    assert lines[3] == ["else", "idle", "-", f"is not in {file}"]
