"""Four times the text takes about four times as long, also in the texts that are worst to read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from axm1_llm.answer.json_value import breaks_off, json_values
from axm1_llm.answer.stops import StopFilter
from axm1_llm.answer.thinking import ThinkingSplitter
from axm1_llm.engine.axllm.stream import ChatStream
from axm1_llm.metrics.smi import parse_axcl_smi
from growth import LINEAR, growth

_TOKEN = 4  # characters


def _thinking(text: str) -> None:
    splitter = ThinkingSplitter(opened=True)
    for at in range(0, len(text), _TOKEN):
        splitter.feed(text[at : at + _TOKEN])
    splitter.flush()


def _stops(text: str) -> None:
    found = StopFilter(("a" * 60 + "b", "xyz"))
    for at in range(0, len(text), _TOKEN):
        found.feed(text[at : at + _TOKEN])
    found.flush()


def _json(text: str) -> None:
    json_values(text)
    breaks_off(text)


def _stream(text: str) -> None:
    stream = ChatStream()
    for at in range(0, len(text), 1000):
        stream.feed(text[at : at + 1000].encode())


@pytest.mark.parametrize(
    ("read", "unit", "size"),
    [
        *((_thinking, unit, 8_000) for unit in ("x ", "<think>", "</", "</think")),
        *((_stops, unit, 8_000) for unit in ("a", "xy", "aab")),
        *((_json, unit, 5_000) for unit in ("{", "[", "[1]", '{"a":', '"', "```json ", '["', "[[],", "1,")),
        *((_stream, unit, 10_000) for unit in ("data: 1\n", "data: {}\n\n", "\n")),
        *((parse_axcl_smi, unit, 20_000) for unit in ("|", "1 ", "| 0 a  b | 0:0.0 |x|\n", "43C ")),
    ],
)
def test_the_time_grows_with_the_text(read: Callable[[str], object], unit: str, size: int) -> None:
    assert growth(lambda length: read(unit * (length // len(unit))), size) < LINEAR
