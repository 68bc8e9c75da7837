"""The facts of the machine, from a real tool and from files as the kernel shows them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from axm1_llm.doctor.bounded import ask
from axm1_llm.doctor.card import readings
from axm1_llm.doctor.host import check_host
from axm1_llm.doctor.machine import NODES, look_at_machine
from doctor.models import BOX


def put(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine with a card and its driver."""
    put(tmp_path / "sys/bus/pci/devices/0000:01:00.0/vendor", "0x8086\n")
    put(tmp_path / "sys/bus/pci/devices/0001:01:00.0/vendor", "0x1f4b\n")
    put(tmp_path / "proc/modules", "ax_pcie_msg 1 0 - Live 0x0\naxcl_host 61440 0 - Live 0x0\n")
    for name in NODES:
        put(tmp_path / "dev" / name)
    put(tmp_path / "usr/lib/axcl/libaxcl_rt.so")
    put(tmp_path / "usr/bin/axcl/axcl-smi", f"#!/bin/sh\ncat <<'END'\n{BOX}END\n").chmod(0o755)
    return tmp_path


def test_card_driver_nodes_and_tool_are_found(root: Path) -> None:
    machine = look_at_machine({"PATH": os.environ["PATH"]}, root)
    assert machine.cards == ("0001:01:00.0",)
    assert machine.driver
    assert [node.name for node in machine.nodes] == list(NODES)
    (card,) = readings(machine)
    assert (card.device, card.temperature_celsius) == (0, 38)
    assert check_host(machine) == ()


def test_a_bus_that_cannot_be_looked_at_is_no_bus_without_a_card(tmp_path: Path) -> None:
    machine = look_at_machine({"PATH": ""}, tmp_path)
    assert machine.cards is None
    assert "host.no-card" not in {finding.kind.id for finding in check_host(machine)}


@pytest.mark.parametrize("name", [".dockerenv", "run/.containerenv"])
def test_a_container_is_known_by_its_mark(root: Path, name: str) -> None:
    assert not look_at_machine({"PATH": ""}, root).container
    put(root / name)
    assert look_at_machine({"PATH": ""}, root).container


def test_a_tool_that_hangs_and_ignores_signals_is_given_up(root: Path) -> None:
    put(root / "usr/bin/axcl/axcl-smi", "#!/bin/sh\ntrap '' TERM INT\nwhile :; do sleep 1; done\n")
    begun = time.monotonic()
    machine = look_at_machine({"PATH": os.environ["PATH"]}, root, smi_seconds=0.2)
    assert time.monotonic() - begun < 5
    assert machine.smi_reply is not None
    assert machine.smi_reply.code is None


def test_a_grandchild_that_keeps_the_pipe_open_is_not_waited_for() -> None:
    begun = time.monotonic()
    reply = ask(("sh", "-c", "sleep 30 & echo here; exit 3"), os.environ, 0.3)
    assert time.monotonic() - begun < 5
    assert (reply.text, reply.code) == ("here\n", 3)


def test_a_tool_without_end_is_cut_off() -> None:
    reply = ask(("yes",), os.environ, 10)
    assert len(reply.text) <= 70_000


def test_a_tool_that_cannot_be_started_says_why(tmp_path: Path) -> None:
    assert ask((str(tmp_path),), os.environ, 1).problem
