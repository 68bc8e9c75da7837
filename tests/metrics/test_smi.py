from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axm1_llm.metrics.smi import CardReading, parse_axcl_smi

MIB = 1 << 20
CARD_0 = CardReading(
    device=0,
    name="AX650N",
    firmware="V3.4.0",
    bus_id="0000:03:00.0",
    temperature_celsius=38.0,
    cpu_ratio=0.02,
    npu_ratio=0.87,
    memory_used_bytes=170 * MIB,
    memory_total_bytes=945 * MIB,
    cmm_used_bytes=2335 * MIB,
    cmm_total_bytes=7040 * MIB,
)


def test_every_figure_of_a_card_is_read(one_card: str) -> None:
    assert parse_axcl_smi(one_card) == (CARD_0,)


def test_a_second_card_is_read_and_figures_that_are_dashes_are_left_out(two_cards: str) -> None:
    second = CardReading(
        device=1,
        name="AX650N",
        firmware="V3.4.0",
        bus_id="0000:04:00.0",
        temperature_celsius=-4.0,
        memory_used_bytes=151 * MIB,
        memory_total_bytes=945 * MIB,
    )
    assert parse_axcl_smi(two_cards) == (CARD_0, second)


def test_the_process_table_is_no_card(one_card: str) -> None:
    table = one_card[one_card.index("| Processes") :]
    assert "4711" in table
    assert parse_axcl_smi(table) == ()


def test_an_output_cut_after_the_first_row_still_names_the_card(one_card: str) -> None:
    (card,) = parse_axcl_smi(one_card[: one_card.index("|   --")])
    assert (card.device, card.memory_used_bytes, card.temperature_celsius) == (0, 170 * MIB, None)


def test_one_load_figure_alone_is_taken_for_neither_cpu_nor_npu(one_card: str) -> None:
    (card,) = parse_axcl_smi(one_card.replace("2%       87%", "--       87%"))
    assert (card.cpu_ratio, card.npu_ratio) == (None, None)


@pytest.mark.parametrize("unit", ["KiB", "MiB", "GiB"])
def test_sizes_are_bytes_in_any_unit(unit: str, one_card: str) -> None:
    (card,) = parse_axcl_smi(one_card.replace("2335 MiB /     7040 MiB", f"3 {unit} / 7 {unit}"))
    scale = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[unit]
    assert (card.cmm_used_bytes, card.cmm_total_bytes) == (3 * scale, 7 * scale)


def test_a_card_listed_twice_is_one_card(one_card: str) -> None:
    assert parse_axcl_smi(one_card + one_card) == (CARD_0,)


@pytest.mark.parametrize("text", ["", "command not found", "no device is connected\n", "| a | b | c |\n" * 3])
def test_an_unknown_output_shows_no_card(text: str) -> None:
    assert parse_axcl_smi(text) == ()


@given(
    st.integers(0, 99),
    st.integers(-40, 125),
    st.integers(0, 100),
    st.integers(0, 400),
    st.integers(0, 99_999),
    st.integers(0, 99_999),
)
def test_any_figures_are_read_as_they_were_printed(
    device: int, celsius: int, cpu: int, npu: int, used: int, total: int
) -> None:
    rows = (
        f"| {device:4}  AX650N      V3.4.0 | 0000:01:00.0 | 1 MiB / 2 MiB |\n"
        f"|   --  {celsius:3}C      -- / -- | {cpu}%   {npu:4}% | {used:8} MiB / {total:8} MiB |\n"
    )
    (card,) = parse_axcl_smi(rows)
    assert (card.device, card.temperature_celsius) == (device, celsius)
    assert (card.cpu_ratio, card.npu_ratio) == (cpu / 100, npu / 100)
    assert (card.cmm_used_bytes, card.cmm_total_bytes) == (used * MIB, total * MIB)
