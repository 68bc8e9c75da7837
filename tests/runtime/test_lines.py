from __future__ import annotations

import pytest

from axm1_llm.runtime.events import (
    AnswerEnd,
    CacheState,
    CardMemory,
    ContextLength,
    Event,
    Failure,
    FirstTokenTime,
    InitDone,
    LogLine,
    PictureRefused,
    PrefillLimit,
    Progress,
    PromptCounted,
    PromptRejected,
)
from axm1_llm.runtime.lines import parse_line

_FACTS: list[tuple[str, Event]] = [
    ("LLM init ok", InitDone()),
    ("max_token_len : 2047", ContextLength(2047)),
    ("prefill_max_token_num : 1152", PrefillLimit(1152, chunked=True)),
    ("grp: 4, prefill_max_token_num : 384", PrefillLimit(384, chunked=True)),
    ("prefill_token_num : 128", PrefillLimit(128, chunked=False)),
    ("init 3 axmodel ok,devid(1) remain_cmm(6433 MB)", CardMemory(1, 6433)),
    ("|     0|           6433|", CardMemory(0, 6433)),
    ("input token num : 10, prefill_split_num : 1", PromptCounted(10)),
    ("ttft: 539.49 ms", FirstTokenTime(0.53949)),
    ("ttft: 7 ms", FirstTokenTime(0.007)),
    ("precompute_len:83, remaining:1965", CacheState(83, 1965)),
    ("precompute_len: 0, remaining: 1024", CacheState(0, 1024)),
    ("image prompt(/tmp/a b/picture.jpg) not found", PictureRefused(read=False)),
    ("img_context_count(0) != img_embed.size() / tokens_embed_size(256)", PictureRefused(read=True)),
    ("input_ids(300) > prefill_token_num(128)", PromptRejected(300, 128)),
    ("tokens_ids(300) > _attr.prefill_token_num(128)", PromptRejected(300, 128)),
    ("input_num_token(1200) > prefill_max_token_num(1152)", PromptRejected(1200, 1152)),
    ("input embeding size(300) > _attr.prefill_max_token_num(128)", PromptRejected(300, 128)),
]
_FAILURES = [
    "tokenizer.Init(http://127.0.0.1:1, 0, 0) failed",
    "connect http://127.0.0.1:12345 failed",
    "axcl_Init(0) failed",
    "Set AXCL device failed",
    "init axmodel(m/l0.axmodel) failed",
    "init axmodel(my models (2)/l0.axmodel) failed",
    "init post axmodel(m/post.axmodel) failed",
    "embed file(m/embed.bin) open failed",
    "lLaMa.Init failed",
]
_HARMLESS = [
    "config file(post_config.json) open failed",
    "load postprocess config(post_config.json) failed",
    "load kvcache from path ./kvcache failed,generate kvcache",
    "cat: /proc/ax_proc/mem_cmm_info: No such file or directory",
    "connect failed http://localhost:18555, try again in  9/10",
    "prefill_grpid:2 kv_cache_num:128 precompute_len:25 input_num_token:10",
    "current prefill_max_token_num:384",
    "kv_cache_size : 256, kv_cache_num: 1023",
    "input_num_token:10",
    "hit eos",
]


@pytest.mark.parametrize(("text", "fact"), _FACTS)
def test_a_line_that_holds_a_fact_gives_the_line_and_the_fact(text: str, fact: Event) -> None:
    line = f"\x1b[1;30;32m[I][                            Init][ 206]: {text}\x1b[0m \n"
    assert parse_line(line.encode()) == [LogLine(text, "I"), fact]
    assert parse_line(text.encode()) == [LogLine(text), fact]


@pytest.mark.parametrize("text", _FAILURES)
def test_what_the_runtime_prints_before_it_gives_up_is_a_failure(text: str) -> None:
    line = f"\x1b[1;30;31m[E][                            main][ 124]: {text}\x1b[0m\n"
    assert parse_line(line.encode()) == [LogLine(text, "E"), Failure(text)]


@pytest.mark.parametrize("text", _HARMLESS)
def test_what_a_healthy_runtime_prints_holds_no_fact(text: str) -> None:
    line = f"\x1b[1;30;31m[E][                            Init][ 278]: {text}\x1b[0m\n"
    assert parse_line(line.encode()) == [LogLine(text, "E")]


@pytest.mark.parametrize("level", list("IWEND"))
def test_every_level_is_told(level: str) -> None:
    assert parse_line(f"\x1b[1;30;37m[{level}][   Run][1183]: text".encode()) == [LogLine("text", level)]


@pytest.mark.parametrize(
    ("figure", "rate"), [("96.85", 96.85), ("3", 3.0), ("inf", 0.0), ("-nan", 0.0), ("1.2.3", 0.0)]
)
def test_the_end_line_ends_the_answer_whatever_its_figure(figure: str, rate: float) -> None:
    line = f"\x1b[1;30;35m[N][                             Run][ 410]: hit eos,avg {figure} token/s"
    assert parse_line(line.encode()) == [LogLine(f"hit eos,avg {figure} token/s", "N"), AnswerEnd(rate)]


def test_the_words_of_the_end_line_without_a_log_header_are_no_end() -> None:
    assert parse_line(b"hit eos,avg 3 token/s") == [LogLine("hit eos,avg 3 token/s")]
    assert parse_line(b"[N][ Run][ 410]: he said: hit eos,avg 3 token/s") == [
        LogLine("he said: hit eos,avg 3 token/s", "N")
    ]


def test_a_bar_names_percent_steps_and_stage() -> None:
    bar = " 11% | ████     |   1 /  31 [0.01s<0.04s, 200.00 count/s] \x1b[1;30;32mtokenizer init ok\x1b[0m"
    assert parse_line(bar.encode()) == [Progress(11, 1, 31, "tokenizer init ok")]


def test_a_bar_without_a_stage_is_a_bar() -> None:
    assert parse_line("100% | ██ |  31 /  31 [0.01s<0.04s, 200.00 count/s]".encode()) == [
        Progress(100, 31, 31, "")
    ]


@pytest.mark.parametrize("raw", [b"", b"\n", b"\r", b" \n", b"\x1b[0m\n", b"\x1b[1;30;33m\r"])
def test_a_line_without_text_gives_nothing(raw: bytes) -> None:
    assert parse_line(raw) == []


@pytest.mark.parametrize(
    "text",
    [
        "max_token_len : " + "9" * 5000,
        "9" * 5000 + "% | |  1 /  1 [x] y",
        "ttft: 1.2.3 ms",
        "ttft: ... ms",
        "|" + "9" * 5000 + "|" + "9" * 5000 + "|",
        "[N][ Run][ 410]: hit eos,avg ... token/s",
        "[N][ Run][ 410]: hit eos,avg " + "9" * 5000 + " token/s",
        "input_ids(" + "9" * 5000 + ") > prefill_token_num(1)",
    ],
)
def test_a_figure_that_is_no_number_raises_nothing(text: str) -> None:
    assert isinstance(parse_line(text.encode())[0], LogLine)
