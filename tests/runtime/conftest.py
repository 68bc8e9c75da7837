"""Every transcript is read three ways: whole, byte by byte, and cut at random borders."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from axm1_llm.runtime.events import Event, Text
from axm1_llm.runtime.parser import OutputParser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


def _cut(data: bytes, how: str) -> Iterator[bytes]:
    if how == "whole":
        yield data
        return
    chance = random.Random(len(data))
    while data:
        size = 1 if how == "bytewise" else chance.randint(1, 40)
        yield data[:size]
        data = data[size:]


def _merged(events: Sequence[Event]) -> list[Event]:
    merged: list[Event] = []
    for event in events:
        if isinstance(event, Text) and merged and isinstance(merged[-1], Text):
            merged[-1] = Text(merged[-1].text + event.text)
        else:
            merged.append(event)
    return merged


@pytest.fixture(params=["whole", "bytewise", "random"])
def read(request: pytest.FixtureRequest) -> Callable[..., list[Event]]:
    """Reads output; None among the pieces stands for a prompt whose answer comes without frames."""

    def read(*pieces: bytes | None) -> list[Event]:
        parser = OutputParser()
        events: list[Event] = []
        for piece in pieces:
            if piece is None:
                parser.begin_bare_answer()
                continue
            for chunk in _cut(piece, request.param):
                events += parser.feed(chunk)
        return _merged([*events, *parser.finish()])

    return read
