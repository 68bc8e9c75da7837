"""What a model's folder tells before the model was ever loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from axm1_llm.descriptors import ModelDescriptor
from axm1_llm.scheduler.files import ModelFiles, look_at_files

MIB = 1 << 20


def described(folder: Path, **keys: Any) -> ModelDescriptor:
    entry = {"model_name": "m", "run_cmd": "./run.sh", "model_path": folder, "tokenizer_port": 1, **keys}
    return ModelDescriptor.model_validate(entry)


def weights(path: Path, mib: int) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        file.truncate(mib * MIB)


def test_the_run_script_names_the_cards_and_the_weights(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text(
        "#!/bin/sh\n./main_axcl_aarch64 \\\n"
        '--template_filename_axmodel "four/qwen2_p128_l%d_together.axmodel" \\\n'
        "--filename_post_axmodel=four/qwen2_post.axmodel \\\n"
        "--filename_image_encoder_axmodedl 'vit.axmodel' \\\n"
        '--filename_tokens_embed "four/embed.bfloat16.bin" \\\n--devices 0,1 \\\n'
    )
    for name, mib in {"l0_together": 10, "l1_together": 10, "post": 5}.items():
        kind = "qwen2_post" if name == "post" else f"qwen2_p128_{name}"
        weights(tmp_path / "four" / f"{kind}.axmodel", mib)
    weights(tmp_path / "vit.axmodel", 7)
    weights(tmp_path / "eight" / "qwen2_p128_l0_together.axmodel", 1000)
    weights(tmp_path / "four" / "embed.bfloat16.bin", 500)
    assert look_at_files(described(tmp_path)) == ModelFiles((0, 1), 32)


def test_the_descriptor_goes_before_the_script(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text("#!/bin/sh\nmain --devices 1\n")
    assert look_at_files(described(tmp_path, devices=[2, 3])).devices == (2, 3)


def test_where_the_script_names_none_all_weights_of_the_folder_count(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_text('#!/bin/sh\nmain --template_filename_axmodel "$DIR/l%d.axmodel"\n')
    weights(tmp_path / "a" / "l0.axmodel", 3)
    weights(tmp_path / "l1.axmodel", 4)
    assert look_at_files(described(tmp_path)) == ModelFiles((0,), 7)


def test_a_part_of_a_mebibyte_counts_as_one(tmp_path: Path) -> None:
    (tmp_path / "l0.axmodel").write_bytes(b"x")
    assert look_at_files(described(tmp_path)) == ModelFiles((0,), 1)


def test_a_folder_that_is_missing_tells_nothing(tmp_path: Path) -> None:
    assert look_at_files(described(tmp_path / "nowhere")) == ModelFiles((0,), 0)


def test_a_program_in_the_scripts_place_is_not_read_as_one(tmp_path: Path) -> None:
    (tmp_path / "run.sh").write_bytes(b"\x7fELF --devices 7\n")
    assert look_at_files(described(tmp_path)).devices == (0,)


def test_a_folder_of_the_third_generation_is_looked_at_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "axllm").write_text("#!/bin/sh\nmain --devices 4\n")
    weights(tmp_path / "l0.axmodel", 3)
    found = look_at_files(described(tmp_path, runtime="axllm", run_cmd="./axllm", tokenizer_port=None))
    assert found == ModelFiles((0,), 3)
