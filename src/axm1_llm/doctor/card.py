"""Checks of the cards: what axcl-smi says, and whether it says anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from axm1_llm.doctor.findings import Kind, error, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axm1_llm.doctor.findings import Finding
    from axm1_llm.doctor.machine import Machine
    from axm1_llm.metrics.smi import CardReading

MIB = 1 << 20
_HOT = 85.0  # degrees Celsius; our choice: the vendor's pages name none
_UNCLAIMED = 256 * MIB  # a card that nothing runs on shows about 20 MiB
_DRIVER = re.compile(r"Driver\s+V?([0-9]+(?:\.[0-9]+)+)")
_VERSION = re.compile(r"V?([0-9]+(?:\.[0-9]+)+)")
_PROCESS = re.compile(r"\|\s*([0-9]{1,4})\s+[0-9]{1,9}\s+\S.*\s[0-9]+\s*[KMG]iB\s*\|")
_TELLING = re.compile(r"fail|error|no device|cannot|errno", re.IGNORECASE)

SMI_MISSING = error(
    "card.smi-missing",
    "axcl-smi is not found.",
    "Without it nothing tells how full or how hot the card is, and a card that is stuck cannot be reset.",
    "install the vendor's package (axclhost); it puts the tool into /usr/bin/axcl",
)
SMI_SILENT = error(
    "card.smi-silent",
    "axcl-smi gives no answer.",
    "The driver or the card's firmware hangs; a runtime would hang as well.",
    "restart the machine (switch it off and on: a card that hangs survives a warm start)",
)
SMI_FAILED = error(
    "card.smi-failed",
    "axcl-smi fails.",
    "What it cannot reach, no runtime reaches.",
    "read its words above; load the driver again, then restart the machine",
)
NONE_SHOWN = error(
    "card.none-shown",
    "axcl-smi shows no card.",
    "The driver is there, but the card did not start: its firmware was not loaded, or it hangs.",
    "look at: dmesg | grep -i ax; then switch the machine off and on",
)
FIRMWARE = warning(
    "card.firmware",
    "The card's firmware and the host's driver have different versions.",
    "The vendor ships both in one package; a mixture may fail in any way.",
    "install one version of the vendor's package, and switch the machine off and on",
)
HOT = warning(
    "card.hot",
    "The card is hot.",
    "A hot card slows down, and may drop out.",
    "give it a heat sink and moving air",
)
CMM_UNCLAIMED = warning(
    "card.cmm-unclaimed",
    "Model memory is taken, but no process holds it.",
    "A runtime that was killed may leave its memory taken until the card starts again; "
    "models that would fit do not.",
    "when nothing uses the card: axcl-smi reboot -d CARD",
)
KINDS: tuple[Kind, ...] = (SMI_MISSING, SMI_SILENT, SMI_FAILED, NONE_SHOWN, FIRMWARE, HOT, CMM_UNCLAIMED)


def readings(machine: Machine) -> tuple[CardReading, ...]:
    """The cards as axcl-smi shows them; empty when it does not."""
    if machine.smi_reply is None:
        return ()
    # Imported here: it is beside all metrics, which take a third of a second.
    from axm1_llm.metrics.smi import parse_axcl_smi  # noqa: PLC0415

    return parse_axcl_smi(machine.smi_reply.text)


def check_cards(machine: Machine) -> tuple[Finding, ...]:
    """What is wrong with the cards, and with asking about them."""
    reply = machine.smi_reply
    if reply is None:
        return (SMI_MISSING.found("axcl-smi is neither in PATH nor in /usr/bin/axcl"),)
    if reply.problem:
        return (SMI_FAILED.found(f"{machine.smi} cannot be started: {reply.problem}"),)
    if reply.code is None:
        return (SMI_SILENT.found(f"{machine.smi} gave no answer in time"),)
    cards = readings(machine)
    telling = next((line.strip() for line in reply.text.splitlines() if _TELLING.search(line)), "")
    if reply.code != 0 or (telling and not cards):
        words = f": {telling}" if telling else ""
        return (SMI_FAILED.found(f"{machine.smi} ended with exit code {reply.code}{words}"),)
    if not cards:
        return (NONE_SHOWN.found(f"{machine.smi} answers, but shows no card"),)
    return tuple(finding for card in cards for finding in _card(card, reply.text))


def _card(card: CardReading, text: str) -> Iterator[Finding]:
    driver, firmware = _DRIVER.search(text), _VERSION.fullmatch(card.firmware)
    if driver and firmware and driver[1] != firmware[1]:
        yield FIRMWARE.found(
            f"card {card.device} has firmware {card.firmware}, the driver has version {driver[1]}"
        )
    if card.temperature_celsius is not None and card.temperature_celsius >= _HOT:
        yield HOT.found(f"card {card.device} has {card.temperature_celsius:g} °C")
    holders = {int(number) for number in _PROCESS.findall(text)}
    if (card.cmm_used_bytes or 0) >= _UNCLAIMED and card.device not in holders:
        taken = (card.cmm_used_bytes or 0) // MIB
        yield CMM_UNCLAIMED.found(
            f"card {card.device}: {taken} MiB are taken, and axcl-smi lists no process",
            CMM_UNCLAIMED.mend.replace("CARD", str(card.device)),
        )
