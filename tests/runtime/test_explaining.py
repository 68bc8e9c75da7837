from __future__ import annotations

import pytest

from axm1_llm.runtime.explaining import explaining


def test_the_lines_that_speak_of_trouble_explain_a_failure() -> None:
    lines = [
        "LLM init start",
        "connect http://localhost:1234 failed, try again in  9/10",
        "config file(post_config.json) open failed",
        "max_token_len : 1023",
        "init axmodel(l3.axmodel) failed",
        "bye",
    ]
    assert explaining(lines) == (lines[1], lines[4])


def test_only_the_last_three_of_them_are_told() -> None:
    lines = [f"error {number}" for number in range(10)]
    assert explaining(lines) == ("error 7", "error 8", "error 9")


@pytest.mark.parametrize(
    "line",
    [
        "terminate called after throwing an instance of 'nlohmann::detail::type_error'",
        "Aborted",
        "Segmentation fault",
        "./main_axcl_aarch64: error while loading shared libraries: libaxcl_rt.so: cannot open",
        "sh: 3: ./main_axcl_aarch64: not found",
        "input_ids(300) > prefill_token_num(128)",
    ],
)
def test_the_words_of_the_system_and_of_the_vendor_are_known(line: str) -> None:
    assert explaining([line, "LLM init start"]) == (line,)


@pytest.mark.parametrize(
    "line",
    [
        "config file(post_config.json) open failed",
        "load postprocess config(post_config.json) failed",
        "load kvcache from path /tmp/kv failed,generate kvcache",
        "cat: /proc/ax_proc/mem_cmm_info: No such file or directory",
    ],
)
def test_what_healthy_runtimes_complain_of_explains_nothing(line: str) -> None:
    assert explaining([line, "LLM init start"]) == ("LLM init start",)


def test_without_trouble_the_last_line_is_told_and_without_lines_nothing() -> None:
    assert explaining(["one", "two"]) == ("two",)
    assert explaining([]) == ()
