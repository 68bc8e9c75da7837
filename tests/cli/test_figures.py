from __future__ import annotations

import pytest

from axm1_llm.cli.figures import Figures, format_duration
from cli.fake_service import FIGURES


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (7, "7ns"),
        (12_500, "12.5µs"),
        (350_000_000, "350ms"),
        (1_250_000_000, "1.25s"),
        (1_000_000_001, "1.000000001s"),
        (62_000_000_000, "1m2s"),
        (3_723_500_000_000, "1h2m3.5s"),
        (7_200_000_000_000, "2h0m0s"),
    ],
)
def test_durations_are_written_as_go_does(nanoseconds: int, text: str) -> None:
    assert format_duration(nanoseconds) == text


def test_the_figures_are_those_of_ollama_run_verbose() -> None:
    assert list(Figures.of(FIGURES).lines()) == [
        "total duration:       1.5s",
        "load duration:        12.5ms",
        "prompt eval count:    20 token(s)",
        "prompt eval duration: 250ms",
        "prompt eval rate:     80.00 tokens/s",
        "eval count:           10 token(s)",
        "eval duration:        500ms",
        "eval rate:            20.00 tokens/s",
    ]


def test_figures_that_the_service_does_not_tell_are_left_out() -> None:
    assert list(Figures.of({"eval_count": 3, "eval_duration": None}).lines()) == [
        "eval count:           3 token(s)"
    ]
