"""The box that ``axcl-smi`` prints → one reading a card. Pure: text in, readings out.

The layout is known from pages that show it for cards of the AX650N kind (drivers 2.18 to 3.6)::

    | Card  Name                     Firmware | Bus-Id       |                 Memory-Usage |
    | Fan   Temp                Pwr:Usage/Cap | CPU      NPU |                    CMM-Usage |

two rows a card, then a table of processes. Not seen on real hardware: more than one card, any figure
for fan and power (``--`` on all of those pages), a unit other than MiB. NPU is a percentage there; a
newer driver's manual calls it the sum over the cores, so it may pass 100 %.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

# Nine digits are enough for any figure and keep int() away from its limit on the length of a number.
_CARD: Final = re.compile(r"([0-9]{1,9})\s+(\S.*?)\s+(\S+)")
_BUS: Final = re.compile(r"[0-9A-Fa-f]{1,8}(:[0-9A-Fa-f]{1,4}){1,2}\.[0-9A-Fa-f]")
_TEMPERATURE: Final = re.compile(r"(?<!\S)(-?[0-9]{1,4}(?:\.[0-9]{1,3})?)\s?°?C(?!\S)")
_PERCENT: Final = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,3})?)\s?%")
_USAGE: Final = re.compile(r"([0-9]{1,9})\s*([KMG]iB)\s*/\s*([0-9]{1,9})\s*([KMG]iB)")
_BYTES: Final = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_CELLS: Final = 3


@dataclass(frozen=True, slots=True)
class CardReading:
    """One card at one moment; None where the tool gave no figure.

    Attributes:
        device: the card's index, as ``--devices`` of a runtime takes it.
        name: the chip, such as ``AX650N``.
        firmware: its version.
        bus_id: the PCI address, ``domain:bus:device.function``.
        temperature_celsius: of the chip.
        cpu_ratio: load of the card's own CPU, 0 to 1.
        npu_ratio: load of the NPU, 0 to 1.
        memory_used_bytes: system memory in use on the card.
        memory_total_bytes: all of its system memory.
        cmm_used_bytes: model memory in use.
        cmm_total_bytes: all of its model memory.
    """

    device: int
    name: str
    firmware: str
    bus_id: str
    temperature_celsius: float | None = None
    cpu_ratio: float | None = None
    npu_ratio: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    cmm_used_bytes: int | None = None
    cmm_total_bytes: int | None = None


def parse_axcl_smi(text: str) -> tuple[CardReading, ...]:
    """The cards that `text` shows, by index; empty when it is no such box. Raises nothing."""
    cards: dict[int, CardReading] = {}
    open_card: int | None = None
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != _CELLS:
            continue
        first = _CARD.fullmatch(cells[0])
        if first and _BUS.fullmatch(cells[1]):
            used, total = _usage(cells[2])
            open_card = int(first[1])
            cards[open_card] = CardReading(
                open_card, first[2], first[3], cells[1], memory_used_bytes=used, memory_total_bytes=total
            )
        elif open_card is not None:
            cards[open_card] = _second_row(cards[open_card], cells)
            open_card = None
    return tuple(cards[device] for device in sorted(cards))


def _second_row(card: CardReading, cells: list[str]) -> CardReading:
    temperature = _TEMPERATURE.search(cells[0])
    # Two columns: without a figure for one of them it is not known which one the other belongs to.
    loads = [float(percent) / 100 for percent in _PERCENT.findall(cells[1])]
    cpu, npu = loads if len(loads) == 2 else (None, None)  # noqa: PLR2004 - CPU and NPU
    used, total = _usage(cells[2])
    return replace(
        card,
        temperature_celsius=float(temperature[1]) if temperature else None,
        cpu_ratio=cpu,
        npu_ratio=npu,
        cmm_used_bytes=used,
        cmm_total_bytes=total,
    )


def _usage(cell: str) -> tuple[int | None, int | None]:
    found = _USAGE.search(cell)
    if found is None:
        return None, None
    return int(found[1]) * _BYTES[found[2]], int(found[3]) * _BYTES[found[4]]
