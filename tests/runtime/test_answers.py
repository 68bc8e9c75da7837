"""The dialects: plain, context and vision; framed and bare; live and not; with and without a mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axm1_llm.runtime.events import (
    AnswerEnd,
    CacheKept,
    CacheState,
    Event,
    FirstTokenTime,
    LogLine,
    Mark,
    PromptCounted,
    PromptMark,
    PromptRejected,
    Text,
    Token,
    TurnOver,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Read = Callable[..., list[Event]]

_HEAD = (
    b"\x1b[1;30;32m[I][        Run][ 870]: input token num : 10, prefill_split_num : 1\x1b[0m\n"
    b"\x1b[1;30;32m[I][                             Run][1031]: ttft: 250.00 ms\x1b[0m\n"
)
_HEAD_EVENTS = [
    LogLine("input token num : 10, prefill_split_num : 1", "I"),
    PromptCounted(10),
    LogLine("ttft: 250.00 ms", "I"),
    FirstTokenTime(0.25),
]
_END = b"\n\n\x1b[1;30;35m[N][                             Run][ 410]: hit eos,avg 96.85 token/s\n\x1b[0m\n"
_END_EVENTS = [LogLine("hit eos,avg 96.85 token/s", "N"), AnswerEnd(96.85)]
_CACHE = (
    b"\x1b[1;30;32m[I][                      GetKVCache][ 598]: precompute_len:83, remaining:1965\x1b[0m\n"
)
_CACHE_EVENTS = [LogLine("precompute_len:83, remaining:1965", "I"), CacheState(83, 1965)]
_FRAMES = b"\x02Hi\x03\x02 \x03\x02\xe4\xb8\x96\x03" + b"\x02\x03\x02\xf0\x9f\x8c\x8d\x03"
_TOKENS = [Token("Hi"), Token(" "), Token("世"), Token(""), Token("🌍")]


def test_plain_framed(read: Read) -> None:
    assert read(b">> " + _FRAMES + _END + b">> ") == [PromptMark(), *_TOKENS, *_END_EVENTS, PromptMark()]


def test_context_framed(read: Read) -> None:
    output = b"prompt >> " + _HEAD + _FRAMES + _END + _CACHE + b"prompt >> "
    expected = [PromptMark(), *_HEAD_EVENTS, *_TOKENS, *_END_EVENTS, *_CACHE_EVENTS, PromptMark()]
    assert read(output) == expected


def test_vision_framed(read: Read) -> None:
    output = b"prompt >> " + b"image >> " + _HEAD + _FRAMES + _END + _CACHE + b"prompt >> "
    marks = [PromptMark(), PromptMark(Mark.IMAGE)]
    assert read(output) == [*marks, *_HEAD_EVENTS, *_TOKENS, *_END_EVENTS, *_CACHE_EVENTS, PromptMark()]


def test_framed_without_live_print_the_tokens_come_behind_the_end_line(read: Read) -> None:
    assert read(_END + _FRAMES + b"\n>> ") == [*_END_EVENTS, *_TOKENS, PromptMark()]


def test_a_frame_may_hold_anything(read: Read) -> None:
    tokens = [Token("\n>> "), Token(_END.decode()), Token("\x00\x02\x03\x10?"), Token("", undecoded=True)]
    escaped = b"\x10\x40\x10\x42\x10\x43\x10\x50?"
    frames = b"\x02\n>> \x03\x02" + _END + b"\x03\x02" + escaped + b"\x03\x02\x10?\x03"
    assert read(frames) == tokens


def test_a_frame_of_broken_text_is_a_token_all_the_same(read: Read) -> None:
    assert read(b"\x02\xe4\xb8\x03\x02a\x10\x03") == [Token("\ufffd"), Token("a\x10")]
    assert read(b"\x02\x10?x\x03") == [Token("\x7fx")]


def test_no_mark_follows_a_frame_directly(read: Read) -> None:
    assert read(b"\n\x02Hi\x03>> \n") == [Token("Hi"), LogLine(">>")]


def test_a_stray_start_of_frame_in_a_log_costs_no_token(read: Read) -> None:
    assert read(b"log \x02line\n\x02Hi\x03") == [LogLine("log"), LogLine("line"), Token("Hi")]


def test_an_open_frame_never_comes_out_as_a_log_line(read: Read) -> None:
    assert read(b"\x02Hi\x03\x02a secret") == [Token("Hi")]


def test_a_rejected_prompt_is_told_before_the_nonsense(read: Read) -> None:
    line = b"\x1b[1;30;31m[E][ Run][ 333]: input_ids(300) > prefill_token_num(128)\x1b[0m\n"
    assert read(line + _FRAMES + _END + b">> ") == [
        LogLine("input_ids(300) > prefill_token_num(128)", "E"),
        PromptRejected(300, 128),
        *_TOKENS,
        *_END_EVENTS,
        PromptMark(),
    ]


def test_plain_bare(read: Read) -> None:
    output = b"Hello \xe4\xb8\x96\n>> hit eos,avg 3 token/s\n" + _END + b">> "
    text = Text("Hello 世\n>> hit eos,avg 3 token/s\n")
    assert read(b">> ", None, output) == [PromptMark(), text, *_END_EVENTS, PromptMark()]


def test_context_bare(read: Read) -> None:
    output = _HEAD + b"Hi\n[I][" + _END + _CACHE + b"prompt >> "
    assert read(b"prompt >> ", None, output) == [
        PromptMark(),
        *_HEAD_EVENTS,
        Text("Hi\n[I]["),
        *_END_EVENTS,
        *_CACHE_EVENTS,
        PromptMark(),
    ]


def test_vision_bare(read: Read) -> None:
    output = b"image >> " + _HEAD + b"A cat." + _END + _CACHE + b"prompt >> "
    assert read(None, output) == [
        PromptMark(Mark.IMAGE),
        *_HEAD_EVENTS,
        Text("A cat."),
        *_END_EVENTS,
        *_CACHE_EVENTS,
        PromptMark(),
    ]


def test_bare_without_live_print_the_text_comes_behind_the_end_line(read: Read) -> None:
    output = _END + b"Hi\n\n> there\n\x1b[31mred\n" + b">> "
    text = Text("Hi\n\n> there\n\x1b[31mred")
    assert read(None, output) == [*_END_EVENTS, text, PromptMark()]


def test_context_bare_without_live_print(read: Read) -> None:
    output = _HEAD + _END + b"Hi\n" + _CACHE + b"prompt >> "
    assert read(None, output) == [
        *_HEAD_EVENTS,
        *_END_EVENTS,
        Text("Hi"),
        *_CACHE_EVENTS,
        PromptMark(),
    ]


def test_broken_text_without_live_print_keeps_its_place(read: Read) -> None:
    output = _END + b"a\xe4\nb\xe4\n>> "
    assert read(None, output) == [*_END_EVENTS, Text("a\ufffd\nb\ufffd"), PromptMark()]


def test_without_a_mark_one_answer_follows_the_other(read: Read) -> None:
    first, second = b"one" + _END, b"two" + _END
    assert read(None, first, None, second) == [Text("one"), *_END_EVENTS, Text("two"), *_END_EVENTS]


def test_without_a_mark_the_tail_of_the_end_line_may_come_late(read: Read) -> None:
    tail = b"\x1b[0m\n"
    assert read(None, b"one" + _END.removesuffix(tail), None, tail + b"two" + _END) == [
        Text("one"),
        *_END_EVENTS,
        Text("two"),
        *_END_EVENTS,
    ]


def test_an_empty_bare_answer_ends(read: Read) -> None:
    assert read(None, _END + b">> ") == [*_END_EVENTS, PromptMark()]


def test_an_answer_without_a_rate_ends(read: Read) -> None:
    end = _END.replace(b"96.85", b"-nan")
    assert read(None, b"Hi" + end + b">> ") == [
        Text("Hi"),
        LogLine("hit eos,avg -nan token/s", "N"),
        AnswerEnd(0.0),
        PromptMark(),
    ]


def test_an_end_line_without_colours_ends_the_answer(read: Read) -> None:
    end = b"\n\n[N][                             Run][1183]: hit eos,avg 21.05 token/s\n\n"
    assert read(None, b"Hi" + end + b"prompt >> ") == [
        Text("Hi"),
        LogLine("hit eos,avg 21.05 token/s", "N"),
        AnswerEnd(21.05),
        PromptMark(),
    ]


def test_a_bare_answer_may_begin_with_colours(read: Read) -> None:
    text = b"\x1b[1;30;31mred\n\x1b[1;30;32mgreen"
    assert read(None, text + _END) == [Text(text.decode()), *_END_EVENTS]


def test_a_death_in_the_middle_gives_the_text_so_far(read: Read) -> None:
    assert read(None, b"Hello\n\n\x1b[1;30;35m[N][  ") == [Text("Hello\n\n\x1b[1;30;35m[N][  ")]
    assert read(None, b"imag") == [Text("imag")]


def test_a_log_line_before_a_bare_answer_is_no_answer_however_long_it_is(read: Read) -> None:
    header = b"\x1b[1;30;32m[I][                             Run][ 374]: "
    endless = header + b"endless " * 400
    [log] = read(None, endless)
    assert isinstance(log, LogLine)
    assert log.text.startswith("endless endless")
    assert read(None, endless + b"\x1b[0m\n", b"Hi" + _END) == [log, Text("Hi"), *_END_EVENTS]


def test_the_byte_behind_the_mark_belongs_to_the_bare_answer(read: Read) -> None:
    assert read(b">> Hel", None, b"lo" + _END) == [PromptMark(), Text("Hello"), *_END_EVENTS]


def test_what_follows_a_bare_answer_is_log_again(read: Read) -> None:
    logs = b'Type "q" to exit, Ctrl+c to stop current running\n'
    assert read(None, b"Hi", _END + logs + b">> ") == [
        Text("Hi"),
        *_END_EVENTS,
        LogLine('Type "q" to exit, Ctrl+c to stop current running'),
        PromptMark(),
    ]


def test_nothing_that_came_before_a_bare_answer_blurs_what_comes_behind_it(read: Read) -> None:
    # A script without a mark is asked while a line is open, after a bar, or in a line that is cut.
    # (An end line without the colour code behind it: that would hide what was left over.)
    rate = [LogLine("hit eos,avg 1 token/s", "N"), AnswerEnd(1.0)]
    end = b"Hi\n\n[N][ Run][ 1]: hit eos,avg 1 token/s\n"
    bar = b"99% | |  1 /  1 [x] ok\x1b[0m"
    for before in (b"", b"x" * 40_000, b"a line that is still open", bar):
        assert read(before, None, end + b">> ")[-3:] == [*rate, PromptMark()]
        assert read(before, None, end + b"LLM\n>> ")[-4:] == [*rate, LogLine("LLM"), PromptMark()]


def test_a_frame_can_say_that_the_cache_was_kept(read: Read) -> None:
    output = b"\x02\x10!\x03" + _END + b"prompt >> "
    assert read(output)[0] == CacheKept()


def test_a_frame_can_say_that_the_model_has_ended_its_turn(read: Read) -> None:
    output = b"\x02a\x03\x02\x10.\x03" + _END + b">> "
    assert read(output)[:2] == [Token("a"), TurnOver()]


def test_a_film_is_asked_for_like_a_picture(read: Read) -> None:
    assert read(b"prompt >> video >> ") == [PromptMark(), PromptMark(Mark.IMAGE)]
