"""Whole transcripts: golden files of our own, and recordings of the vendor's program where they are at hand.

One JSON object a line: ``t`` seconds, ``fd`` 0, 1 or 2, ``data`` in base64; other lines tell of events.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from axm1_llm.runtime.events import (
    AnswerEnd,
    CardMemory,
    ContextLength,
    Event,
    Failure,
    InitDone,
    LogLine,
    Progress,
    PromptMark,
    Text,
    Token,
)
from axm1_llm.runtime.parser import OutputParser

if TYPE_CHECKING:
    from collections.abc import Callable

    Read = Callable[..., list[Event]]

_ROOT = Path(__file__).parents[2]
_FILES = sorted([*_ROOT.glob("tests/golden/*.jsonl"), *_ROOT.glob("../shared/recordings/*.jsonl")])
_INIT_END = (
    b"\x1b[1;30;32m[I][                            Init][ 237]: LLM init ok\x1b[0m\n"
    b'Type "q" to exit, Ctrl+c to stop current running\n>> '
)
_END = b"\n\n\x1b[1;30;35m[N][                             Run][ 410]: hit eos,avg 9.79 token/s\n\x1b[0m\n"
_SESSIONS: dict[str, list[tuple[int, bytes]]] = {
    "framed": [
        (1, _INIT_END),
        (0, b"axm1-ticket-0\n"),
        (1, b"\x02Hel\x03\x02lo\x03\x02\x03"),
        (1, _END + b">> "),
    ],
    "bare": [(1, _INIT_END), (0, b"hello\n"), (1, b"Hel"), (1, b"lo \xe4\xb8"), (1, b"\x96" + _END + b">> ")],
}


def _transcript(path: Path) -> list[tuple[int, bytes]]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [(row["fd"], base64.b64decode(row["data"])) for row in rows if "data" in row]


def _pieces(transcript: list[tuple[int, bytes]]) -> list[bytes | None]:
    """Stdout in its chunks; None for each prompt whose answer has no frames."""
    framed = any(b"\x02" in data for fd, data in transcript if fd == 1)
    pieces: list[bytes | None] = []
    for fd, data in transcript:
        if fd == 1:
            pieces.append(data)
        elif fd == 0 and data.strip() not in {b"q", b"reset", b""} and not framed:
            pieces.append(None)
    return pieces


def _without_logs(events: list[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, LogLine | Progress | CardMemory)]


def _as_recorded(pieces: list[bytes | None]) -> list[Event]:
    parser = OutputParser()
    events: list[Event] = []
    for piece in pieces:
        if piece is None:
            parser.begin_bare_answer()
        else:
            events += parser.feed(piece)
    events += parser.finish()
    return events


def _joined(events: list[Event]) -> list[Event]:
    """Pieces of text that follow each other as one: their borders are the chunks'."""
    joined: list[Event] = []
    for event in events:
        if isinstance(event, Text) and joined and isinstance(joined[-1], Text):
            joined[-1] = Text(joined[-1].text + event.text)
        else:
            joined.append(event)
    return joined


@pytest.mark.parametrize("transcript", [*_SESSIONS.values(), *map(_transcript, _FILES)])
def test_a_session_means_the_same_in_any_chunks(read: Read, transcript: list[tuple[int, bytes]]) -> None:
    pieces = _pieces(transcript)
    events = read(*pieces)
    assert events == _joined(_as_recorded(pieces))
    assert not any("\x1b" in event.text for event in events if isinstance(event, LogLine))


def test_a_framed_session_is_told_event_by_event(read: Read) -> None:
    assert _without_logs(read(*_pieces(_SESSIONS["framed"]))) == [
        InitDone(),
        PromptMark(),
        Token("Hel"),
        Token("lo"),
        Token(""),
        AnswerEnd(9.79),
        PromptMark(),
    ]


def test_a_bare_session_is_told_event_by_event(read: Read) -> None:
    assert _without_logs(read(*_pieces(_SESSIONS["bare"]))) == [
        InitDone(),
        PromptMark(),
        Text("Hello 世"),
        AnswerEnd(9.79),
        PromptMark(),
    ]


_HELLO = "Hello 世界 \ufffd\ufffd\ufffd and \ufffd\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd! A li"
_WHOLE = _HELLO + "ne.\nhit eos,avg 3 token/s\n<think>no</think> >> done"
_READY: list[Event] = [ContextLength(1024), InitDone(), PromptMark()]
_RECORDED: dict[str, list[Event]] = {
    "ctx_full": [
        *(ContextLength(40), InitDone(), PromptMark()),
        *(Text(_HELLO), AnswerEnd(97.96), PromptMark()),
    ],
    "initial_prompt": [ContextLength(1024), InitDone(), AnswerEnd(98.81), PromptMark()],
    "layer_fail": [Failure("init axmodel(m/l0.axmodel) failed"), Failure("lLaMa.Init failed")],
    "multiline": [
        *_READY,
        *(Text(_WHOLE), AnswerEnd(93.58), PromptMark()),
        *(LogLine("the answer to the second line, which nobody waits for"), AnswerEnd(91.23)),
        *(PromptMark(), PromptMark()),
    ],
    "ok": [
        *_READY,
        *(Text(_WHOLE), AnswerEnd(87.25), PromptMark()),
        *(Text(_WHOLE), AnswerEnd(93.5), PromptMark()),
    ],
    "sigint": [
        *_READY,
        *(Text("Hello 世界 \ufffd"), AnswerEnd(111.14), PromptMark()),
        *(Text(" and \ufffd\ufffd\ufffd\ufffd\ufffd\ufffd" + _WHOLE[len(_HELLO) - 6 :]), AnswerEnd(88.57)),
        PromptMark(),
    ],
    "tokenizer_dies": [*_READY, Text(_HELLO[:-3])],
    "tokenizer_unreachable": [
        Failure("connect http://localhost:18555 failed"),
        Failure("tokenizer.Init(http://localhost:18555, 0, 0) failed"),
        Failure("lLaMa.Init failed"),
    ],
}


def test_the_recordings_at_hand_are_told_as_they_happened(read: Read) -> None:
    for path in _FILES:
        if path.parent.name == "recordings" and path.stem in _RECORDED:
            expected = _without_logs(_RECORDED[path.stem])
            assert _without_logs(read(*_pieces(_transcript(path)))) == expected, path.stem
