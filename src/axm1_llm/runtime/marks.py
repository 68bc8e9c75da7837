"""What the runtime prints when it waits for a line; each stands at the start of a line, without an end."""

from __future__ import annotations

from axm1_llm.runtime.events import Mark

MARKS = (
    (b">> ", Mark.PROMPT),
    (b"prompt >> ", Mark.PROMPT),
    (b"image >> ", Mark.IMAGE),
    (b"video >> ", Mark.IMAGE),  # a vision build with --video, which takes a picture too
)


def mark_at_start(data: bytes | bytearray) -> tuple[bytes, Mark] | None:
    """The mark that `data` begins with, as bytes and meaning."""
    for row in MARKS:  # no generator: a runtime that spins prints a million marks a second
        if data.startswith(row[0]):
            return row
    return None


def may_become_mark(data: bytes | bytearray) -> bool:
    """Whether `data` is the beginning of a mark, so that more bytes must decide."""
    return any(literal.startswith(data) for literal, _ in MARKS)
