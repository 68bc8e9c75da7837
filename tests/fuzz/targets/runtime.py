"""What a runtime prints: log lines, frames, bare answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from axm1_llm.runtime.events import AnswerEnd, Event, PromptMark, Text, Token
from axm1_llm.runtime.parser import MAX_FRAME, MAX_LINE, OutputParser
from axm1_llm.runtime.prompts import encode_line
from fuzz.reading import Reader, Target, chunks

if TYPE_CHECKING:
    from collections.abc import Iterable

END = b"\n\n\x1b[1;30;35m[N][                             Run][ 410]: hit eos,avg 3.50 token/s\n\x1b[0m\n"
_WORDS = (
    b">> ", b"\n>> ", b"prompt >> ", b"image >> ", b"\n", b"\r", b"\n\n", b"\x1b[0m\n", b"\x1b[1;30;35m[N][",
    b"\x1b[1;30;3", b"\x1b[1;30;31m[E][ x][ 1]: y\n", b"[N][ Run][ 410]: hit eos,avg 3 token/s", END,
    b"hit eos,avg -nan token/s\n", END[1:], END[:-6], b"\n\n[N][ Run][ 1]: hit eos,avg 1 token/s\n", b"\x02",
    b"\x03", b"\x10", b"\x02\x10?\x03", b"\x02\x10!\x03", b"\x02\x10.\x03", b"\x00", b"\xf0\x9f\x8c\x8d",
    b"\xe4\xb8\x96", b"\xff", b" 33% | \xe2\x96\x88 |   1 /   3 [0.00s] ok\x1b[0m", b"99999999999",
    b"LLM init ok\n", b"max_token_len : 1024\n", b"devid(0) remain_cmm(6433 MB)", b"|  0|  7040|",
    b"input_ids(9) > prefill_token_num(8)\n", b"connect http://x failed\n", b"ttft: 1.5 ms",
    b"precompute_len: 5, remaining: 7\n",
)  # fmt: skip
_HEAD_OF_BARE = 1024  # the longest piece that a bare answer's reader holds back to decide what it is

# What alone cannot be told from the runtime's own words, see `axm1_llm.runtime.bare`.
_HOLDS_END = re.compile(
    r"\n\n(\x1b\[1;30;35m)?\[N\]\[ *\w+\]\[ *\d+\]: hit eos,avg \S+ token/s(\x1b\[0m)? *\n"
)
_BEGINS_LIKE_HEAD = re.compile(r"image >> |\x1b\[0m\n|\x1b\[1;30;3\d+m\[[IWEND]\]\[[^\]\n]*\]\[ *\d+\]: .*\n")


def logs(data: bytes) -> None:
    """Any bytes outside of a bare answer mean the same in any chunks, and little of them is held."""
    reader = Reader(data)
    cutting, body = reader.byte(), reader.rest()
    assert _events([body], bare=False) == _events(chunks(body, cutting), bare=False)


def bare(data: bytes) -> None:
    """The same in a bare answer."""
    reader = Reader(data)
    cutting, body = reader.byte(), reader.rest()
    assert _events([body], bare=True) == _events(chunks(body, cutting), bare=True)


def frames(data: bytes) -> None:
    """Tokens come out of their frames byte for byte, whatever the runtime prints around them."""
    reader = Reader(data)
    cutting = reader.byte()
    texts, printed = [], b""
    while not reader.empty:
        texts.append(reader.some(24).decode("utf-8", "ignore"))
        # Log lines with an ETX would end a frame that a stray STX in them began: a runtime prints neither.
        printed += _frame(texts[-1]) + reader.some(48).replace(b"\x03", b"")
    events = _events(chunks(printed, cutting), bare=False)
    assert [event for event in events if isinstance(event, Token)] == [Token(text) for text in texts]


def bare_text(data: bytes) -> None:
    """A bare answer comes out byte for byte, up to the end line."""
    reader = Reader(data)
    cutting, text = reader.byte(), reader.text()
    if not text or _HOLDS_END.search(text + "\n") or _BEGINS_LIKE_HEAD.match(text + "\n\n"):
        return
    events = _events(chunks(text.encode() + END + b">> ", cutting), bare=True)
    assert "".join(event.text for event in events if isinstance(event, Text)) == text
    assert events[-2:] == [AnswerEnd(3.5), PromptMark()]


def late_text(data: bytes) -> None:
    """So does one that is printed whole behind the end line (``--live_print 0``)."""
    reader = Reader(data)
    cutting, text = reader.byte(), reader.text()
    if any(_BEGINS_LIKE_HEAD.match(line + "\n") for line in re.split("(?<=\n)", text)):
        return
    if any(line.startswith((">> ", "prompt >> ", "video >> ")) for line in text.split("\n")):
        return
    events = _events(chunks(END + text.encode() + b"\n>> ", cutting), bare=True)
    assert "".join(event.text for event in events if isinstance(event, Text)) == text
    assert events[-1] == PromptMark()


def prompt_line(data: bytes) -> None:
    """What is written for a prompt is one line, is UTF-8, and is no command."""
    line = encode_line(data.decode("utf-8", "surrogateescape"))
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    line.decode()
    assert line not in {b"\n", b"q\n", b"reset\n", b"dd\n", b"pp\n"}


def _frame(text: str) -> bytes:
    # Written out again: the gateway's own way of writing frames is tested against this one.
    escaped = (
        bytes((0x10, byte ^ 0x40)) if byte in b"\x00\x02\x03\x10" else bytes((byte,))
        for byte in text.encode()
    )
    return b"\x02" + b"".join(escaped) + b"\x03"


def _events(pieces: Iterable[bytes], *, bare: bool) -> list[Event]:
    """All events, neighbouring texts as one; what is held stays within its bounds."""
    parser = OutputParser()
    if bare:
        parser.begin_bare_answer()
    found: list[Event] = []
    for piece in pieces:
        found += parser.feed(piece)
        most = MAX_FRAME if parser._buffer.startswith(b"\x02") else MAX_LINE
        assert len(parser._buffer) <= most
        assert parser._bare is None or len(parser._bare._held) <= _HEAD_OF_BARE
    merged: list[Event] = []
    for event in found + parser.finish():
        if isinstance(event, Text) and merged and isinstance(last := merged[-1], Text):
            merged[-1] = Text(last.text + event.text)
        else:
            merged.append(event)
    return merged


TARGETS = {
    "runtime-logs": Target(logs, _WORDS, share=12, largest=160),
    "runtime-frames": Target(frames, _WORDS, share=8, largest=160),
    "runtime-bare": Target(bare, _WORDS, share=12, largest=160),
    "runtime-bare-text": Target(bare_text, _WORDS, share=6, largest=160),
    "runtime-late-text": Target(late_text, _WORDS, share=6, largest=160),
    "prompt-line": Target(
        prompt_line, (b"q", b"reset", b"dd", b"\n", b"\xe2\x80\xa8", b" "), share=30, largest=100
    ),
}
