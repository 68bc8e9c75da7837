from __future__ import annotations

from pathlib import Path

import pytest

from axm1_llm.folder import FolderError, Generation, read_folder
from folder import published


def test_a_folder_of_the_first_generation(tmp_path: Path) -> None:
    folder = read_folder(published.first_generation(tmp_path).path)
    assert folder.generation is Generation.FIRST
    assert [script.name.rpartition("int8_")[2] for script in folder.scripts] == [
        "ax650.sh",
        "axcl_aarch64.sh",
        "axcl_x86.sh",
    ]
    script = folder.scripts[1]
    assert script.program is not None
    assert (script.program.built_for, script.program.is_for_card) == ("aarch64", True)
    assert (script.value("live_print"), script.flag("continue")) == ("0", None)
    assert script.prompt is not None
    assert script.prompt.text == "$1"
    assert not any(file.missing for file in script.files)
    (tokenizer,) = folder.tokenizer_scripts
    assert (tokenizer.keeps_history, tokenizer.imports_transformers) == (False, False)
    assert tokenizer.folders == (folder.path / "qwen2.5_tokenizer",)
    assert folder.server_config is not None
    assert folder.server_config.is_empty
    assert folder.not_understood == ()


def test_a_folder_of_the_second_generation(tmp_path: Path) -> None:
    folder = read_folder(published.second_generation(tmp_path).path)
    assert folder.generation is Generation.SECOND
    assert all(script.keeps_history and not script.sees for script in folder.scripts)
    assert [path.name for path in folder.tokenizer_folders] == ["qwen2.5_tokenizer", "qwen3_tokenizer"]
    (tokenizer,) = folder.tokenizer_scripts
    assert tokenizer.keeps_history
    assert tokenizer.folders == (folder.path / "qwen3_tokenizer",)
    assert [program.name for program in folder.programs] == [
        "main_ax650",
        "main_axcl_aarch64",
        "main_axcl_x86",
    ]


def test_a_folder_that_sees(tmp_path: Path) -> None:
    folder = read_folder(published.vision(tmp_path).path)
    assert folder.generation is Generation.SECOND
    assert all(script.sees for script in folder.scripts)


def test_a_folder_of_the_third_generation(tmp_path: Path) -> None:
    folder = read_folder(published.third_generation(tmp_path).path)
    assert folder.generation is Generation.THIRD
    config = folder.server_config
    assert config is not None
    assert (config.is_for_server, config.text("model_name")) == (True, "AXERA-TECH/Qwen3-1.7B")
    assert [(file.key, len(file.missing)) for file in config.files] == [
        ("template_filename_axmodel", 0),
        ("filename_post_axmodel", 0),
        ("filename_tokens_embed", 0),
    ]
    assert folder.scripts == ()


def test_a_folder_without_a_model_has_no_generation(tmp_path: Path) -> None:
    (tmp_path / "build.sh").write_text("make\n")
    (tmp_path / "config.json").write_text('{"model_type": "qwen2"}')
    folder = read_folder(tmp_path)
    assert folder.generation is None
    assert folder.scripts == ()


@pytest.mark.parametrize(("content", "words"), [("{", "no valid JSON"), ("[]", "no JSON object")])
def test_a_config_that_cannot_be_read_says_why(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "config.json").write_text(content)
    config = read_folder(tmp_path).server_config
    assert config is not None
    assert words in (config.problem or "")


def test_what_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("gone", "file"):
        with pytest.raises(FolderError, match=name):
            read_folder(tmp_path / name)


def test_a_server_script_is_told_from_a_run_script(tmp_path: Path) -> None:
    (tmp_path / "run_api.sh").write_text(
        "./main_api_axcl_x86 --axmodel_num 1 --url_tokenizer_model http://h:1\n"
    )
    folder = read_folder(tmp_path)
    assert (len(folder.scripts), folder.stdio_scripts) == (1, ())
