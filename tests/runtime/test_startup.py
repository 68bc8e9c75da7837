from __future__ import annotations

from typing import TYPE_CHECKING

from axm1_llm.runtime.events import (
    CardMemory,
    ContextLength,
    Event,
    Failure,
    InitDone,
    LogLine,
    Mark,
    PrefillLimit,
    Progress,
    PromptMark,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_CONNECTED = (
    b"build time: Nov 22 2026 15:53:48\n"
    b"\x1b[1;30;32m[I][ Init][ 122]: LLM init start\x1b[0m\n"
    b"\x1b[1;30;32m[I][ Init][ 321]: connect http://localhost:1 ok\x1b[0m\n"
    b"bos_id: -1, eos_id: 0\n"
    b"\x1b[1;30;33m\r 33% | \xe2\x96\x88\xe2\x96\x88     |   1 /   3 [0.00s<0.03s, 333.33 count/s] "
    b"\x1b[1;30;32mtokenizer init ok\x1b[0m"
)
_CONNECTED_EVENTS = [
    LogLine("build time: Nov 22 2026 15:53:48"),
    LogLine("LLM init start", "I"),
    LogLine("connect http://localhost:1 ok", "I"),
    LogLine("bos_id: -1, eos_id: 0"),
    Progress(33, 1, 3, "tokenizer init ok"),
]
_LOADED = (
    b"\n\x1b[1;30;33m\r 66% | \xe2\x96\x88\xe2\x96\x88     |   2 /   3 [0.01s<0.04s, 250.00 count/s] "
    b"\x1b[1;30;32minit 0 axmodel ok,devid(0) remain_cmm(6433 MB)\x1b[0m"
    b"\x1b[1;30;33m\r100% | \xe2\x96\x88\xe2\x96\x88\xe2\x96\x88 |   3 /   3 [0.04s<0.04s, 209.30 count/s] "
    b"\x1b[1;30;32minit post axmodel ok,remain_cmm(6400 MB)\x1b[0m\n"
    b"\x1b[1;30;32m[I][ Init][ 206]: max_token_len : 1023\x1b[0m\n"
    b"\x1b[1;30;32m[I][ Init][ 209]: kv_cache_size : 8, kv_cache_num: 1023\x1b[0m\n"
)
_LOADED_EVENTS = [
    Progress(66, 2, 3, "init 0 axmodel ok,devid(0) remain_cmm(6433 MB)"),
    CardMemory(0, 6433),
    Progress(100, 3, 3, "init post axmodel ok,remain_cmm(6400 MB)"),
    LogLine("max_token_len : 1023", "I"),
    ContextLength(1023),
    LogLine("kv_cache_size : 8, kv_cache_num: 1023", "I"),
]
_TABLE = (
    b"\x1b[1;30;35m________________________\n|    ID| remain cmm(MB)|\n========================\n"
    b"|     0|           6400|\n|     1|           7040|\n"
    b"\xc2\xaf\xc2\xaf\xc2\xaf\n\x1b[0m"
)
_TABLE_EVENTS = [
    LogLine("________________________"),
    LogLine("|    ID| remain cmm(MB)|"),
    LogLine("========================"),
    LogLine("|     0|           6400|"),
    CardMemory(0, 6400),
    LogLine("|     1|           7040|"),
    CardMemory(1, 7040),
    LogLine("¯¯¯"),
]


def test_a_first_generation_start_is_read_event_by_event(read: Callable[..., list[Event]]) -> None:
    end = (
        b"\x1b[1;30;31m[E][ load_config][ 278]: config file(c.json) open failed\x1b[0m\n"
        b"\x1b[1;30;33m[W][ Init][ 233]: load postprocess config(c) failed\x1b[0m\n"
        b"\x1b[1;30;32m[I][ Init][ 237]: LLM init ok\x1b[0m\n"
        b'Type "q" to exit, Ctrl+c to stop current running\n>> '
    )
    assert read(_CONNECTED + _LOADED + _TABLE + end) == [
        *_CONNECTED_EVENTS,
        *_LOADED_EVENTS,
        *_TABLE_EVENTS,
        LogLine("config file(c.json) open failed", "E"),
        LogLine("load postprocess config(c) failed", "W"),
        LogLine("LLM init ok", "I"),
        InitDone(),
        LogLine('Type "q" to exit, Ctrl+c to stop current running'),
        PromptMark(),
    ]


def test_a_context_build_is_ready_only_after_the_work_that_follows_init_ok(
    read: Callable[..., list[Event]],
) -> None:
    end = (
        b"\x1b[1;30;32m[I][ Init][ 218]: prefill_token_num : 128\x1b[0m\n"
        b"\x1b[1;30;32m[I][ Init][ 222]: grp: 1, prefill_max_token_num : 1\x1b[0m\n"
        b"\x1b[1;30;32m[I][ Init][ 222]: grp: 2, prefill_max_token_num : 384\x1b[0m\n"
        b"\x1b[1;30;32m[I][ Init][ 237]: LLM init ok\x1b[0m\n"
        b'Type "q" to exit, Ctrl+c to stop current running\n'
        b"\x1b[1;30;32m[I][ GenerateKVCachePrefill][ 335]: input token num : 25\x1b[0m\n"
        b"prompt >> "
    )
    events = read(_LOADED.lstrip(b"\n") + end)
    assert events[len(_LOADED_EVENTS) :] == [
        LogLine("prefill_token_num : 128", "I"),
        PrefillLimit(128, chunked=False),
        LogLine("grp: 1, prefill_max_token_num : 1", "I"),
        PrefillLimit(1, chunked=True),
        LogLine("grp: 2, prefill_max_token_num : 384", "I"),
        PrefillLimit(384, chunked=True),
        LogLine("LLM init ok", "I"),
        InitDone(),
        LogLine('Type "q" to exit, Ctrl+c to stop current running'),
        *events[-3:],
    ]
    assert events[-3] == LogLine("input token num : 25", "I")
    assert events[-1] == PromptMark(Mark.PROMPT)


def test_a_mark_behind_the_colour_code_that_ends_the_table_is_seen(
    read: Callable[..., list[Event]],
) -> None:
    assert read(_TABLE + b">> ") == [*_TABLE_EVENTS, PromptMark()]


def test_a_layer_that_does_not_load_is_a_failure(read: Callable[..., list[Event]]) -> None:
    end = (
        b"\n\x1b[1;30;31m[E][ Init][ 185]: init axmodel(m/l0.axmodel) failed\x1b[0m\n"
        b"\x1b[1;30;31m[E][ main][ 124]: lLaMa.Init failed\x1b[0m\n"
    )
    assert read(_CONNECTED + end) == [
        *_CONNECTED_EVENTS,
        LogLine("init axmodel(m/l0.axmodel) failed", "E"),
        Failure("init axmodel(m/l0.axmodel) failed"),
        LogLine("lLaMa.Init failed", "E"),
        Failure("lLaMa.Init failed"),
    ]


def test_a_tokenizer_out_of_reach_is_a_failure_only_after_the_last_try(
    read: Callable[..., list[Event]],
) -> None:
    output = (
        b"\x1b[1;30;31mconnect failed http://localhost:1, try again in  1/10 \n\x1b[0m"
        b"\x1b[1;30;31mconnect failed http://localhost:1, try again in  0/10 \n\x1b[0m"
        b"\x1b[1;30;31m[E][ Init][ 316]: connect http://localhost:1 failed\x1b[0m\n"
        b"\x1b[1;30;31m[E][ Init][ 128]: "
        b"tokenizer.Init(http://localhost:1, 0, 0) failed\x1b[0m\n"
    )
    assert read(output) == [
        LogLine("connect failed http://localhost:1, try again in  1/10"),
        LogLine("connect failed http://localhost:1, try again in  0/10"),
        LogLine("connect http://localhost:1 failed", "E"),
        Failure("connect http://localhost:1 failed"),
        LogLine("tokenizer.Init(http://localhost:1, 0, 0) failed", "E"),
        Failure("tokenizer.Init(http://localhost:1, 0, 0) failed"),
    ]


def test_a_last_line_without_an_end_is_read_when_the_output_ends(read: Callable[..., list[Event]]) -> None:
    assert read(b"\x1b[1;30;31m[E][ main][ 1]: axcl_Init(0) failed") == [
        LogLine("axcl_Init(0) failed", "E"),
        Failure("axcl_Init(0) failed"),
    ]


def test_words_that_look_like_a_mark_inside_a_line_are_no_mark(read: Callable[..., list[Event]]) -> None:
    assert read(b"a >> b\n>>\n>>x\nprompt >>\n\tprompt >> \n") == [
        LogLine("a >> b"),
        LogLine(">>"),
        LogLine(">>x"),
        LogLine("prompt >>"),
        LogLine("\tprompt >>"),
    ]


def test_a_bar_that_breaks_off_takes_no_other_line_along(read: Callable[..., list[Event]]) -> None:
    assert read(b" 11% | half a bar\n\x1b[1;30;32m[I][ Init][ 1]: LLM init ok\x1b[0m\n") == [
        LogLine(" 11% | half a bar"),
        LogLine("LLM init ok", "I"),
        InitDone(),
    ]
