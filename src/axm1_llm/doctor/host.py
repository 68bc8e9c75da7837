"""Checks of the machine: card on the bus, driver, device nodes, the vendor's package, container rights."""

from __future__ import annotations

import grp
from typing import TYPE_CHECKING

from axm1_llm.doctor.findings import Kind, error
from axm1_llm.doctor.machine import NODES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axm1_llm.doctor.findings import Finding
    from axm1_llm.doctor.machine import Machine, Node

_WORDS = {"x86_64": "x86-64", "aarch64": "64-bit ARM"}
_GROUP_RIGHTS = 0o060
_DEVICES = " ".join(f"--device /dev/{name}" for name in NODES)
_MOUNTS = "-v /usr/lib/axcl:/usr/lib/axcl:ro -v /usr/bin/axcl:/usr/bin/axcl:ro"

ARCHITECTURE = error(
    "host.architecture",
    "The processor is of a kind for which the vendor has no runtime.",
    "The vendor's executables are built for x86-64 and for 64-bit ARM only.",
    "use a machine with one of these processors",
)
USERLAND = error(
    "host.userland-32-bit",
    "The kernel has 64 bits, but the system's programs have 32.",
    "The vendor's executables and libraries have 64 bits; such a system cannot start them.",
    "install the 64-bit edition of the system, such as Raspberry Pi OS (64-bit)",
)
NO_CARD = error(
    "host.no-card",
    "No card is on the PCI bus.",
    "What the bus does not show, no driver can find: the card is not seated, has no power, "
    "or the slot is off.",
    "switch the machine off, seat the card again, and look with: lspci -d 1f4b: "
    "(on a Raspberry Pi 5: dtparam=pciex1 in /boot/firmware/config.txt, and a supply that is strong enough)",
)
NO_DRIVER = error(
    "host.driver-not-loaded",
    "The card is there, but its driver is not loaded.",
    "Without the driver there are no device nodes, and every runtime ends with `axcl_Init(0) failed`.",
    "sudo modprobe axcl_host; if that module is not found, install the vendor's package (axclhost) "
    "again for this kernel: dkms status",
)
NODE_MISSING = error(
    "host.device-missing",
    "The driver is loaded, but a device node is missing.",
    "A runtime opens all of them when it starts.",
    "load the driver again: sudo modprobe -r axcl_host && sudo modprobe axcl_host; then: dmesg | tail",
)
NODE_RIGHTS = error(
    "host.device-rights",
    "This user may not use a device node.",
    "A runtime that cannot open the card ends with `axcl_Init(0) failed`.",
    "let the user into the node's group, or change the node's mode with a udev rule",
)
CONTAINER_DEVICES = error(
    "host.container-devices",
    "The machine has a card, but this container did not get its devices.",
    "A container sees only the devices that it was given.",
    f"start the container with: {_DEVICES} (or `devices:` in the compose file); "
    "if nothing else helps: --privileged",
)
CONTAINER_PACKAGE = error(
    "host.container-package",
    "This container has not got the vendor's libraries or tools.",
    "They must fit the host's driver, so no image holds them: they are mounted from the host.",
    f"start the container with: {_MOUNTS} (or `volumes:` in the compose file)",
)
LIBRARIES = error(
    "host.libraries-missing",
    "The vendor's libraries are not installed: /usr/lib/axcl is missing or empty.",
    "Every runtime is linked with them and does not even start.",
    "install the vendor's package (axclhost) for this system",
)
KINDS: tuple[Kind, ...] = (
    ARCHITECTURE,
    USERLAND,
    NO_CARD,
    NO_DRIVER,
    NODE_MISSING,
    NODE_RIGHTS,
    CONTAINER_DEVICES,
    CONTAINER_PACKAGE,
    LIBRARIES,
)


def check_host(machine: Machine) -> tuple[Finding, ...]:
    """What is wrong with the machine; what only follows from something else is left out."""
    return (*_system(machine), *_devices(machine), *_package(machine))


def works_so_far(machine: Machine) -> bool:
    """Whether axcl-smi has a chance: what it says without a driver only follows from that."""
    return not any(_devices(machine))


def _system(machine: Machine) -> Iterator[Finding]:
    if machine.architecture not in _WORDS:
        yield ARCHITECTURE.found(f"the processor is {machine.architecture}")
    elif machine.pointer_bits != 64:  # noqa: PLR2004 - bits
        yield USERLAND.found(
            f"the kernel is {machine.architecture}, but this Python has {machine.pointer_bits} bits"
        )


def _package(machine: Machine) -> Iterator[Finding]:
    if machine.container:
        pairs = (("/usr/lib/axcl", machine.libraries), ("/usr/bin/axcl", machine.tools))
        missing = [folder for folder, present in pairs if not present]
        if missing:
            yield CONTAINER_PACKAGE.found(f"missing or empty in this container: {', '.join(missing)}")
    elif not machine.libraries:
        yield LIBRARIES.found("/usr/lib/axcl is missing or empty")


def _devices(machine: Machine) -> Iterator[Finding]:
    present = {node.name for node in machine.nodes}
    missing = [f"/dev/{name}" for name in NODES if name not in present]
    if machine.cards == () and not present:
        yield NO_CARD.found("no device of Axera (PCI vendor 1f4b) is on the bus")
    elif machine.container and missing:
        yield CONTAINER_DEVICES.found(f"missing in this container: {', '.join(missing)}")
    elif not machine.driver and not present:
        where = f"the card at {', '.join(machine.cards)}" if machine.cards else "the card"
        yield NO_DRIVER.found(f"the kernel module axcl_host, which drives {where}, is not loaded")
    elif missing:
        yield NODE_MISSING.found(f"missing: {', '.join(missing)}")
    for node in machine.nodes:
        if not node.usable:
            yield NODE_RIGHTS.found(
                f"/dev/{node.name} has mode {node.mode:04o} and group {_group(node)}; "
                f"user {machine.user} may not read and write it",
                _rights(node, container=machine.container),
            )


def _rights(node: Node, *, container: bool) -> str:
    group_helps = node.mode & _GROUP_RIGHTS == _GROUP_RIGHTS and node.group != 0
    if container:
        if group_helps:
            compose = f"CARD_USER=1000:{node.group} in .env"
            return f"start the container with --group-add {node.group} (compose: {compose})"
        return "start the container as root (--user 0:0; compose: CARD_USER=0:0 in .env)"
    if group_helps:
        return f"sudo usermod -aG {_group(node)} $USER, then log in again and restart the service"
    rule = f'KERNEL=="{"|".join(NODES)}", MODE="0666"'
    return (
        f"echo '{rule}' | sudo tee /etc/udev/rules.d/99-axcl.rules; "
        "sudo udevadm control --reload; sudo udevadm trigger"
    )


def _group(node: Node) -> str:
    try:
        return grp.getgrgid(node.group).gr_name
    except KeyError:
        return str(node.group)
