"""For any answer text and any chunking, what comes out is what went in; and no bytes do harm."""

from __future__ import annotations

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from axm1_llm.runtime.events import AnswerEnd, Event, PromptMark, Text, Token
from axm1_llm.runtime.parser import MAX_FRAME, OutputParser

_END = b"\n\n\x1b[1;30;35m[N][                             Run][ 410]: hit eos,avg 3.50 token/s\n\x1b[0m\n"
_LOOKALIKES = [
    ">> ",
    "\n>> ",
    "prompt >> ",
    "image >> ",
    "\n",
    "\n\n",
    "\n\n\n",
    "\x1b[0m\n",
    "\x1b[1;30;35m[N][",
    "\x1b[1;30;3",
    "[N][ Run][ 410]: hit eos,avg 3 token/s",
    "hit eos,avg 3 token/s\n",
    _END.decode().rstrip("\n\x1b[0m"),
    _END.decode()[1:],
    "\x02",
    "\x03",
    "\x10",
    "\x10?",
    "\x00",
    "🌍",
    "👩‍👩‍👧",
    "世界",
    "</think>",
    " 33% | ██ |   1 /   3 [0.00s] ok\x1b[0m",
]
_pieces = st.lists(st.sampled_from(_LOOKALIKES) | st.text(max_size=5), max_size=12)
_borders = st.lists(st.integers(1, 60), max_size=40)
# What alone cannot be told from the runtime's own words, see the reader of bare answers.
_HOLDS_END = re.compile(
    r"\n\n(\x1b\[1;30;35m)?\[N\]\[ *\w+\]\[ *\d+\]: hit eos,avg \S+ token/s(\x1b\[0m)? *\n"
)
_BEGINS_LIKE_HEAD = re.compile(r"image >> |\x1b\[0m\n|\x1b\[1;30;3\d+m\[[IWEND]\]\[[^\]\n]*\]\[ *\d+\]: .*\n")


def _encode_frame(text: str) -> bytes:
    escaped = b"".join(
        bytes((0x10, byte ^ 0x40)) if byte in b"\x00\x02\x03\x10" else bytes((byte,))
        for byte in text.encode("utf-8", "surrogatepass")
    )
    return b"\x02" + escaped + b"\x03"


def _fed(parser: OutputParser, data: bytes, borders: list[int]) -> list[Event]:
    """Feed in chunks of the given sizes, over and over; whole when there are none."""
    events: list[Event] = []
    turn = 0
    while data:
        size = borders[turn % len(borders)] if borders else len(data)
        events += parser.feed(data[:size])
        data = data[size:]
        turn += 1
    return events


def _text(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Text))


@settings(deadline=None)
@given(_pieces, _borders)
@example(["\x10?"], [1])
@example(["", "\x00"], [])
def test_framed_tokens_come_out_exactly(pieces: list[str], borders: list[int]) -> None:
    texts = [piece.encode("utf-8", "ignore").decode() for piece in pieces]
    data = b">> " + b"".join(map(_encode_frame, texts)) + _END + b">> "
    events = _fed(OutputParser(), data, borders)
    assert events[0] == events[-1] == PromptMark()
    assert events[1 : len(texts) + 1] == [Token(text) for text in texts]
    assert events[-2] == AnswerEnd(3.5)
    assert len(events) == len(texts) + 4


@settings(deadline=None)
@given(_pieces, _borders)
@example(["\n\n\x1b[1;30;35m[N]["], [1])
@example(["\n\n\x1b[1;30;35m[N][ Run][ 410]: hit eos,avg 3.50 token/"], [7])
@example(["i"], [1])
@example(["\x1b[1;30;31mred", "\n"], [1])
@example(["\x1b"], [])
def test_bare_text_comes_out_byte_for_byte(pieces: list[str], borders: list[int]) -> None:
    text = "".join(pieces).encode("utf-8", "ignore").decode()
    if not text or _HOLDS_END.search(text + "\n") or _BEGINS_LIKE_HEAD.match(text + "\n\n"):
        return
    parser = OutputParser()
    parser.begin_bare_answer()
    events = _fed(parser, text.encode() + _END + b">> ", borders)
    assert _text(events) == text
    assert events[-2:] == [AnswerEnd(3.5), PromptMark()]


@settings(deadline=None)
@given(_pieces, _borders)
@example(["a", "\n"], [1])
@example(["\x1b[1;30;31mred", "\n"], [1])
@example([">", "\n", "prompt"], [2])
def test_bare_text_behind_the_end_line_comes_out_byte_for_byte(pieces: list[str], borders: list[int]) -> None:
    text = "".join(pieces).encode("utf-8", "ignore").decode()
    if any(_BEGINS_LIKE_HEAD.match(line + "\n") for line in re.split("(?<=\n)", text)):
        return
    if any(line.startswith((">> ", "prompt >> ")) for line in text.split("\n")):
        return
    parser = OutputParser()
    parser.begin_bare_answer()
    events = _fed(parser, _END + text.encode() + b"\n>> ", borders)
    assert _text(events) == text
    assert events[-1] == PromptMark()


_ROUGH = st.lists(
    st.sampled_from([piece.encode() for piece in _LOOKALIKES]) | st.binary(max_size=4), max_size=25
).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(_ROUGH, _borders, st.sampled_from(["bare", "logs"]))
@example(b"\x02\n>> \x02a\x03>> ", [1], "logs")
@example(b"\n\n[N][ Run][ 1]: hit eos,avg 1 token/s\n\x1b[1;30;31m[E][ x][ 1]: y\n>> ", [1], "bare")
def test_any_bytes_mean_the_same_in_any_chunks(data: bytes, borders: list[int], kind: str) -> None:
    whole, cut = OutputParser(), OutputParser()
    if kind == "bare":
        whole.begin_bare_answer()
        cut.begin_bare_answer()
    expected = [*whole.feed(data), *whole.finish()]
    events = [*_fed(cut, data, borders), *cut.finish()]
    assert _text(events) == _text(expected)
    assert [event for event in events if not isinstance(event, Text)] == [
        event for event in expected if not isinstance(event, Text)
    ]


@settings(deadline=None)
@given(st.integers(-3, 3), st.sampled_from([1, 1000, 2 * MAX_FRAME]))
def test_a_frame_counts_as_one_up_to_its_limit_in_any_chunks(over: int, size: int) -> None:
    body = b"x" * (MAX_FRAME - 2 + over)
    events = _fed(OutputParser(), b"\x02" + body + b"\x03\n", [size])
    if over <= 0:
        assert events == [Token(body.decode())]
    else:
        assert not any(isinstance(event, Token) for event in events)
