from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axm1_llm.durations import parse_duration, parse_keep_alive, parse_time_limit

UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5m", 300.0),
        ("24h", 86400.0),
        ("300s", 300.0),
        ("-1m", -60.0),
        ("+1m", 60.0),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
        (".5s", 0.5),
        ("1.s", 1.0),
        ("1m1m", 120.0),
        ("300ms", 0.3),
        ("0", 0.0),
        ("300", 300.0),
        ("-1", -1.0),
        ("2.5", 2.5),
        (" 5m\n", 300.0),
        (300, 300.0),
        (0.5, 0.5),
        (-1, -1.0),
    ],
)
def test_a_duration_is_read_as_go_and_ollama_read_it(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "5 m",
        "m",
        "-",
        "+",
        ".",
        ".s",
        "5x",
        "5mm",
        "1h-30m",
        "--1m",
        "1e3",
        "inf",
        "nan",
        "٣m",
        "5M",
    ],
)
def test_a_text_that_is_no_duration_is_refused_with_what_was_expected(value: str) -> None:
    with pytest.raises(ValueError, match=r"is no duration; expected a duration such as '5m'"):
        parse_duration(value)


@pytest.mark.parametrize("value", [True, None, [], math.nan, math.inf, -math.inf, 10**400])
def test_a_value_that_is_no_finite_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        parse_duration(value)  # type: ignore[arg-type]  # what a request's JSON may hold


def test_a_very_long_text_is_refused_and_shown_only_in_part() -> None:
    with pytest.raises(ValueError, match="…") as caught:
        parse_duration("1m" * 5000)
    assert len(str(caught.value)) < 200


@given(
    st.lists(st.tuples(st.integers(0, 9999), st.sampled_from(sorted(UNITS))), min_size=1, max_size=6),
    st.sampled_from(["", "-", "+"]),
)
def test_a_duration_is_the_sum_of_its_parts_with_the_sign_of_the_whole(
    parts: list[tuple[int, str]], sign: str
) -> None:
    text = sign + "".join(f"{number}{unit}" for number, unit in parts)
    total = sum(number * UNITS[unit] for number, unit in parts)
    assert parse_duration(text) == pytest.approx(-total if sign == "-" else total)


@given(st.floats(-1e9, 1e9))
def test_a_number_of_seconds_is_the_same_as_a_number_and_as_a_text(seconds: float) -> None:
    assert parse_duration(seconds) == seconds
    assert parse_duration(f"{seconds:.9f}") == pytest.approx(seconds, abs=1e-8)


@given(st.text(max_size=70))
def test_any_text_gives_a_finite_number_or_a_value_error(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except ValueError:
        return
    assert math.isfinite(seconds)


@pytest.mark.parametrize(
    ("value", "seconds"), [("5m", 300.0), (0, 0.0), ("0", 0.0), (-1, math.inf), ("-1m", math.inf)]
)
def test_a_negative_keep_alive_means_for_ever_and_zero_means_at_once(
    value: str | float, seconds: float
) -> None:
    assert parse_keep_alive(value) == seconds


@pytest.mark.parametrize(("value", "seconds"), [("2m", 120.0), (0, math.inf), ("-5s", math.inf)])
def test_a_time_limit_of_zero_or_less_is_no_limit(value: str | float, seconds: float) -> None:
    assert parse_time_limit(value) == seconds
