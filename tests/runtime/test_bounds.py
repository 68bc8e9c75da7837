"""Memory and time stay bounded whatever the runtime prints."""

from __future__ import annotations

import tracemalloc

import pytest

from axm1_llm.runtime.events import LogLine, PromptMark, Text, Token
from axm1_llm.runtime.lines import parse_line
from axm1_llm.runtime.parser import MAX_FRAME, MAX_LINE, OutputParser
from growth import LINEAR, growth

_CHUNK = 65536


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
def test_endless_output_is_read_in_bounded_memory(
    filling: bytes,
    bare: bool,  # noqa: FBT001 - pytest gives it
) -> None:
    parser = OutputParser()
    if bare:
        parser.begin_bare_answer()
    chunk = (filling * _CHUNK)[:_CHUNK]
    parser.feed(chunk)
    tracemalloc.start()
    try:
        parser.feed(chunk)
        parser.feed(chunk)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < MAX_FRAME + 2 * _CHUNK


@pytest.mark.parametrize("opening", [b"", b"\x02", b"\x1b[1;30;31m[I][ Run][ 1]: ", b" 11% | "])
def test_an_endless_line_is_read_byte_by_byte_in_linear_time(opening: bytes) -> None:
    def read(size: int) -> None:
        parser = OutputParser()
        parser.feed(opening)
        for _ in range(size):
            parser.feed(b"x")
        assert parser.feed(b"\n>> ")[-1:] == [PromptMark()]

    # Below the limits each byte may look at all that is held, which is bounded.
    assert growth(read, MAX_FRAME) < LINEAR


def test_a_line_behind_the_end_line_that_never_ends_is_not_kept() -> None:
    parser = OutputParser()
    parser.begin_bare_answer()
    parser.feed(b"\n\n[N][ Run][ 410]: hit eos,avg 3 token/s\n\x1b[1;30;31m")
    events = [event for _ in range(20_000) for event in parser.feed(b"x")]
    assert sum(len(event.text) for event in events if isinstance(event, Text)) > 18_000


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


def test_a_runtime_that_spins_at_end_of_file_is_read_in_linear_time() -> None:
    # 13 MB of marks in 4 s were seen.
    def read(count: int) -> None:
        assert len(OutputParser().feed(b">> " * count)) == count

    assert growth(read, 10_000) < LINEAR


@pytest.mark.parametrize(
    ("head", "filling", "end"),
    [
        (b"[I][", b" ", b"x"),
        (b"", b"tokenizer.Init(", b""),
        (b"", b"init axmodel(", b""),
        (b"", b"axcl_Init()", b""),
        (b"", b"connect http", b""),
        (b"init ", b"w", b""),
        (b"|", b" ", b""),
        (b"", b"| ", b""),
        (b"", b"1% |", b""),
        (b"", b" ", b"1"),
        (b"\x1b[", b"1", b""),
        (b"", b"devid(1", b""),
    ],
)
def test_no_line_takes_longer_than_its_length(head: bytes, filling: bytes, end: bytes) -> None:
    def parse(size: int) -> None:
        line = head + (filling * size)[: size - len(head) - len(end)] + end
        for _ in range(8):
            parse_line(line)

    assert growth(parse, MAX_LINE // 4) < LINEAR


@pytest.mark.parametrize("over", range(-3, 4))
@pytest.mark.parametrize("size", [1, 1000, 2 * MAX_FRAME])
def test_a_frame_counts_as_one_up_to_its_limit_in_any_chunks(over: int, size: int) -> None:
    body = b"x" * (MAX_FRAME - 2 + over)
    data = b"\x02" + body + b"\x03\n"
    parser = OutputParser()
    events = [event for at in range(0, len(data), size) for event in parser.feed(data[at : at + size])]
    assert events == [Token(body.decode())] if over <= 0 else not any(isinstance(e, Token) for e in events)
