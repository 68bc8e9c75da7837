from __future__ import annotations

import re
from pathlib import Path

from cli.programs import axm1
from hub.local_hub import Repo, local_hub
from hub.pulled import hub_environment, published_files


def test_the_catalogue_is_listed_for_programs_too() -> None:
    done = axm1("pull", "--list")
    assert done.returncode == 0
    header, *rows = done.stdout.decode().splitlines()
    assert header.split() == ["NAME", "SIZE", "GENERATION", "REPOSITORY"]
    assert ["qwen2.5:1.5b", "-", "1", "AXERA-TECH/Qwen2.5-1.5B-Instruct-GPTQ-Int4"] in map(str.split, rows)


def test_a_model_is_pulled_without_a_service(tmp_path: Path) -> None:
    models = tmp_path / "models"
    with local_hub(a__b=Repo(published_files(tmp_path / "published"))) as hub:
        environ = hub_environment(hub, tmp_path)
        done = axm1("pull", "a/b", "--name", "mine", "--descriptor", str(models), env=environ)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "pulling manifest"
    assert any(re.fullmatch(r"  0 %  0 bytes of [0-9.]+ kB  \S+", line) for line in lines), lines
    assert lines[-1] == f"mine is in {models}/a--b; ask it with: axm1 run mine"
    assert "left out: qwen2.5-1.5b-gptq-int16-ax650" in done.stderr.decode()
    assert '"model_name": "mine"' in (models / "model-descriptor.json").read_text()


def test_what_cannot_be_pulled_is_one_line_and_an_exit_code(tmp_path: Path) -> None:
    done = axm1("pull", "llama3", "--descriptor", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.decode().startswith("Error: model 'llama3' is not in the catalogue")
    assert axm1("pull").returncode == 2
