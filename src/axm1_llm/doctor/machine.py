"""The facts of this machine that matter for a card; gathered once, judged elsewhere."""

from __future__ import annotations

import os
import platform
import shutil
import stat
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from axm1_llm.doctor.bounded import Reply, ask

if TYPE_CHECKING:
    from collections.abc import Mapping

NODES = ("axcl_host", "ax_mmb_dev", "msg_userdev")
"""The device nodes below /dev that a runtime opens; the driver makes them."""

_VENDOR_ID = "0x1f4b"  # of the PCI devices of Axera Semiconductor
_MODULE = "axcl_host"
_TOOLS = "usr/bin/axcl"
_LIBRARIES = "usr/lib/axcl"
_SMI_SECONDS = 2.0
_IN_CONTAINERS = (".dockerenv", "run/.containerenv")


@dataclass(frozen=True, slots=True)
class Node:
    """A device node.

    Attributes:
        name: below /dev.
        mode: its permission bits.
        group: the number of its group.
        usable: this process may read and write it.
    """

    name: str
    mode: int
    group: int
    usable: bool


@dataclass(frozen=True, slots=True)
class Machine:
    """What was seen.

    Attributes:
        architecture: of the kernel, as `uname -m` says it.
        pointer_bits: of this Python, and so of the system's programs.
        user: our number.
        container: we are in one.
        cards: PCI addresses of Axera's devices; None: the bus cannot be looked at.
        driver: the kernel module is loaded.
        nodes: the device nodes that are there.
        libraries: the vendor's library folder holds something.
        tools: the vendor's tool folder is there.
        smi: where axcl-smi is; None: nowhere.
        smi_reply: what it said; None: it was not asked.
    """

    architecture: str
    pointer_bits: int = 64
    user: int = 0
    container: bool = False
    cards: tuple[str, ...] | None = None
    driver: bool = False
    nodes: tuple[Node, ...] = ()
    libraries: bool = False
    tools: bool = False
    smi: Path | None = None
    smi_reply: Reply | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


def look_at_machine(
    environ: Mapping[str, str] = os.environ, root: Path = Path("/"), *, smi_seconds: float = _SMI_SECONDS
) -> Machine:
    """Gather the facts. Opens no device: with a dead driver that could hang.

    Args:
        environ: the environment.
        root: what stands in place of /.
        smi_seconds: how long axcl-smi may take.
    """
    nodes = tuple(node for name in NODES if (node := _node(root / "dev" / name, name)))
    path = f"{environ.get('PATH', '')}:{root / _TOOLS}"
    found = shutil.which("axcl-smi", path=path)
    libraries = ":".join(filter(None, (environ.get("LD_LIBRARY_PATH", ""), str(root / _LIBRARIES))))
    environment = {**environ, "PATH": path, "LD_LIBRARY_PATH": libraries}
    return Machine(
        architecture=platform.machine(),
        pointer_bits=struct.calcsize("P") * 8,
        user=os.geteuid(),
        container=any((root / name).exists() for name in _IN_CONTAINERS) or "container" in environ,
        cards=_cards(root / "sys/bus/pci/devices"),
        driver=_module_is_loaded(root / "proc/modules"),
        nodes=nodes,
        libraries=_has_entries(root / _LIBRARIES),
        tools=_has_entries(root / _TOOLS),
        smi=Path(found) if found else None,
        smi_reply=ask((found,), environment, smi_seconds) if found else None,
        environment=environment,
    )


def _node(path: Path, name: str) -> Node | None:
    try:
        status = path.stat()
    except OSError:
        return None
    usable = os.access(path, os.R_OK | os.W_OK)
    return Node(name, stat.S_IMODE(status.st_mode), status.st_gid, usable)


def _cards(bus: Path) -> tuple[str, ...] | None:
    try:
        devices = sorted(bus.iterdir())
    except OSError:
        return None
    return tuple(device.name for device in devices if _text(device / "vendor").strip() == _VENDOR_ID)


def _module_is_loaded(modules: Path) -> bool:
    return any(line.split(maxsplit=1)[:1] == [_MODULE] for line in _text(modules).splitlines())


def _has_entries(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
