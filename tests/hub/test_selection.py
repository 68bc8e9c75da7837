from __future__ import annotations

import pytest

from axm1_llm.errors import PullError, RequestError
from axm1_llm.hub.remote_file import RemoteFile
from axm1_llm.hub.selection import Selection, select

# As AXERA-TECH/DeepSeek-R1-Distill-Qwen-1.5B-GPTQ-Int4 was listed.
_FIRST_GENERATION = (
    "deepseek-r1-1.5b-gptq-int4-ax650/qwen2_p128_l0_together.axmodel",
    "deepseek-r1-1.5b-gptq-int4-ax650/model.embed_tokens.weight.bfloat16.bin",
    "deepseek-r1_tokenizer/tokenizer.json",
    ".gitattributes",
    "README.md",
    "deepseek-r1_tokenizer.py",
    "main_axcl_aarch64",
    "main_axcl_x86",
    "main_prefill",
    "post_config.json",
    "run_deepseek-r1_1.5b_gptq_int4_ax650.sh",
    "run_deepseek-r1_1.5b_gptq_int4_axcl_aarch64.sh",
    "run_deepseek-r1_1.5b_gptq_int4_axcl_x86.sh",
)
# As AXERA-TECH/MiniCPM4-0.5B was listed, for two chips.
_TWO_CHIPS = (
    "minicpm4-0.5b-int8-ctx-ax630c/l0.axmodel",
    "minicpm4-0.5b-int8-ctx-ax650/l0.axmodel",
    "minicpm4_tokenizer/tokenizer.json",
    "main_ax650",
    "main_api_ax650",
    "main_axcl_aarch64",
    "main_axcl_x86",
    "minicpm4_tokenizer_uid.py",
    "run_minicpm4_0.5b_int8_ctx_ax630c.sh",
    "run_minicpm4_0.5b_int8_ctx_ax650.sh",
    "run_minicpm4_0.5b_int8_ctx_axcl_aarch64.sh",
    "run_minicpm4_0.5b_int8_ctx_axcl_x86.sh",
)
_TWO_QUANTIZATIONS = (
    "t-ctx-int4-ax650/l0.axmodel",
    "t-ctx-int8-ax650/l0.axmodel",
    "vit-ax650/vision.axmodel",
    "main_axcl_aarch64",
    "run_t_ctx_int4_axcl_aarch64.sh",
    "run_t_ctx_int8_axcl_aarch64.sh",
    "run_t_axcl_aarch64.sh",
)


def chosen(paths: tuple[str, ...], machine: str = "aarch64", variant: str | None = None) -> Selection:
    sizes = {path: 200 if "int8" in path else 100 for path in paths}
    return select([RemoteFile(path, sizes[path], f"sha1:{path}") for path in paths], machine, variant)


def paths_of(selection: Selection) -> set[str]:
    return {file.path for file in selection.files}


@pytest.mark.parametrize(
    ("machine", "own", "other"), [("aarch64", "aarch64", "x86"), ("x86_64", "x86", "aarch64")]
)
def test_only_what_runs_on_this_host_is_taken(machine: str, own: str, other: str) -> None:
    found = paths_of(chosen(_FIRST_GENERATION, machine))
    left_out = {
        ".gitattributes",
        f"main_axcl_{other}",
        "main_prefill",
        "run_deepseek-r1_1.5b_gptq_int4_ax650.sh",
        f"run_deepseek-r1_1.5b_gptq_int4_axcl_{other}.sh",
    }
    assert found == set(_FIRST_GENERATION) - left_out
    assert {f"main_axcl_{own}", f"run_deepseek-r1_1.5b_gptq_int4_axcl_{own}.sh"} <= found


def test_files_for_other_chips_and_for_boards_are_left_out() -> None:
    assert paths_of(chosen(_TWO_CHIPS)) == {
        "minicpm4-0.5b-int8-ctx-ax650/l0.axmodel",
        "minicpm4_tokenizer/tokenizer.json",
        "main_axcl_aarch64",
        "minicpm4_tokenizer_uid.py",
        "run_minicpm4_0.5b_int8_ctx_axcl_aarch64.sh",
    }


def test_of_several_quantizations_the_smallest_is_taken_and_the_others_are_named() -> None:
    found = chosen(_TWO_QUANTIZATIONS)
    assert (found.variant, found.others) == ("t-ctx-int4-ax650", ("t-ctx-int8-ax650",))
    assert paths_of(found) == set(_TWO_QUANTIZATIONS) - {
        "t-ctx-int8-ax650/l0.axmodel",
        "run_t_ctx_int8_axcl_aarch64.sh",
    }
    assert found.size == 500


def test_another_quantization_is_taken_when_it_is_asked_for() -> None:
    found = chosen(_TWO_QUANTIZATIONS, variant="INT8")
    assert found.variant == "t-ctx-int8-ax650"
    assert paths_of(found) == set(_TWO_QUANTIZATIONS) - {
        "t-ctx-int4-ax650/l0.axmodel",
        "run_t_ctx_int4_axcl_aarch64.sh",
    }


@pytest.mark.parametrize("variant", ["int9", "ctx"])
def test_a_variant_that_is_none_or_several_is_refused_with_those_that_there_are(variant: str) -> None:
    with pytest.raises(RequestError, match=r"it has t-ctx-int4-ax650, t-ctx-int8-ax650$"):
        chosen(_TWO_QUANTIZATIONS, variant=variant)


def test_a_variant_of_a_repository_without_any_is_refused() -> None:
    with pytest.raises(RequestError, match="no variants"):
        chosen(_FIRST_GENERATION, variant="int8")


def test_folders_of_different_parts_of_a_model_are_all_taken() -> None:
    paths = ("llm-ax650/l0.axmodel", "vit-ax650/vision.axmodel", "main_axcl_aarch64")
    assert paths_of(chosen(paths)) == set(paths)


def test_a_third_generation_folder_needs_no_executable() -> None:
    paths = ("config.json", "l0.axmodel", "tokenizer.txt")
    assert paths_of(chosen(paths, "x86_64")) == set(paths)


@pytest.mark.parametrize(
    ("paths", "reason"),
    [
        (
            ("l0.axmodel", "main_ax650"),
            "nothing that runs on a aarch64 host with the card: it has main_ax650",
        ),
        (("l0.axmodel", "main_axcl_x86"), "it has main_axcl_x86"),
        (("l0.axmodel", "README.md"), "it has no executable at all"),
        (("t-ax630c/l0.axmodel", "main_axcl_aarch64"), "those that it has are for another chip"),
        (("model.safetensors", "config.json"), "it has none at all"),
    ],
)
def test_a_repository_that_cannot_run_here_is_refused_before_anything_is_downloaded(
    paths: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(PullError) as error:
        chosen(paths)
    assert str(error.value).endswith(reason)


def test_an_empty_config_makes_no_third_generation() -> None:
    files = [RemoteFile("config.json", 0, "sha1:0"), RemoteFile("l0.axmodel", 10, "sha1:1")]
    with pytest.raises(PullError, match="no executable"):
        select(files, "aarch64")
