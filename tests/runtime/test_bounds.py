"""Memory and time stay bounded whatever the runtime prints."""

from __future__ import annotations

import time
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from axm1_llm.runtime.events import LogLine, PromptMark, Text, Token
from axm1_llm.runtime.lines import parse_line
from axm1_llm.runtime.parser import MAX_FRAME, MAX_LINE, OutputParser

if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNK = 65536


@pytest.fixture
def within() -> Callable[[float], None]:
    """Asserts that the test has used at most so many seconds of CPU so far."""
    start = time.process_time()

    def check(seconds: float) -> None:
        assert time.process_time() - start < seconds

    return check


@pytest.mark.parametrize("bare", [False, True], ids=["logs", "bare answer"])
@pytest.mark.parametrize(
    "filling",
    [
        b"x",
        b" ",
        b"9",
        b"\n",
        b"\x02",
        b"\x02x",
        b"\x10",
        b"\x1b",
        b"\x1b[",
        b"\x1b[0m",
        b"\x1b[1;30;31m",
        b"\x1b[0m\n",
        b"[I][ ",
        b"\xe4",
        b"|  ",
        b"1% |",
        b"image >> ",
        b"tokenizer.Init(",
        b"\n\n\x1b[1;30;35m[N][ ",
    ],
)
def test_endless_output_is_read_in_bounded_memory_and_linear_time(
    filling: bytes,
    bare: bool,  # noqa: FBT001 - pytest gives it
    within: Callable[[float], None],
) -> None:
    parser = OutputParser()
    if bare:
        parser.begin_bare_answer()
    chunk = (filling * _CHUNK)[:_CHUNK]
    parser.feed(chunk)
    tracemalloc.start()
    try:
        for _ in range(3):
            parser.feed(chunk)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < MAX_FRAME + 3 * _CHUNK
    within(10)


@pytest.mark.parametrize("opening", [b"", b"\x02", b"\x1b[1;30;31m[I][ Run][ 1]: ", b" 11% | "])
def test_an_endless_line_is_read_byte_by_byte_in_linear_time(
    opening: bytes, within: Callable[[float], None]
) -> None:
    parser = OutputParser()
    parser.feed(opening)
    for _ in range(3 * MAX_FRAME):
        parser.feed(b"x")
    assert parser.feed(b"\n>> ")[-1:] == [PromptMark()]
    within(5)


def test_a_line_behind_the_end_line_that_never_ends_is_not_kept(within: Callable[[float], None]) -> None:
    parser = OutputParser()
    parser.begin_bare_answer()
    parser.feed(b"\n\n[N][ Run][ 410]: hit eos,avg 3 token/s\n\x1b[1;30;31m")
    events = [event for _ in range(20_000) for event in parser.feed(b"x")]
    assert sum(len(event.text) for event in events if isinstance(event, Text)) > 18_000
    within(5)


def test_a_long_line_is_cut_and_the_next_one_is_whole() -> None:
    parser = OutputParser()
    events = parser.feed(b"x" * (3 * MAX_LINE) + b"\nLLM\n>> ")
    assert events == [LogLine("x" * MAX_LINE), LogLine("LLM"), PromptMark()]


def test_a_frame_in_a_line_that_was_cut_is_a_token() -> None:
    parser = OutputParser()
    events = parser.feed(b"x" * (2 * MAX_LINE)) + parser.feed(b"y\x02Hi\x03z\nLLM\n")
    assert events == [LogLine("x" * MAX_LINE), Token("Hi"), LogLine("LLM")]


def test_a_cut_line_that_the_output_ends_in_is_told_once() -> None:
    parser = OutputParser()
    events = parser.feed(b"x" * (2 * MAX_LINE)) + parser.feed(b"y") + parser.finish()
    assert events == [LogLine("x" * MAX_LINE)]


def test_a_start_of_frame_in_a_log_hides_a_bounded_piece_only() -> None:
    parser = OutputParser()
    parser.feed(b"log \x02 line\n")
    events = [event for _ in range(MAX_FRAME // 50) for event in parser.feed(b"x" * 50 + b"\n")]
    assert LogLine("x" * 50) in events


def test_a_runtime_that_spins_at_end_of_file_is_read_in_time(within: Callable[[float], None]) -> None:
    # 13 MB in 4 s were seen. The limit leaves room for a tracer; work that grows with the square has none.
    parser = OutputParser()
    marks = b">> " * (_CHUNK // 3)
    count = sum(len(parser.feed(marks)) for _ in range(13_000_000 // len(marks)))
    assert count == len(marks) // 3 * (13_000_000 // len(marks))
    within(60)


@pytest.mark.parametrize(
    "text",
    [
        b"[I][" + b" " * MAX_LINE + b"x",
        b"tokenizer.Init(" * 1000,
        b"init axmodel(" * 1200,
        b"axcl_Init()" * 1400,
        b"connect http" * 1300,
        b"init " + b"w" * MAX_LINE,
        b"|" + b" " * MAX_LINE,
        b"| " * (MAX_LINE // 2),
        b"1% |" * (MAX_LINE // 4),
        b" " * MAX_LINE + b"1",
        b"\x1b[" + b"1" * MAX_LINE,
        b"devid(1" * 2000,
    ],
)
def test_no_line_takes_long(text: bytes) -> None:
    def seconds() -> float:
        start = time.process_time()
        parse_line(text)
        return time.process_time() - start

    assert min(seconds() for _ in range(3)) < 0.015
