"""`axm1 systemd`: the units that make a Debian machine run the services."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources
from pathlib import Path

import click

from axm1_llm.cli.root import HOST
from axm1_llm.errors import Axm1Error

_ONE = ("axm1.service",)
_SPLIT = ("axm1-tokenizer-service.service", "axm1-llm-service.service")
_COMMAND = "/usr/local/bin/axm1"  # in the units as they are shipped
# `ProtectHome=yes` hides them from the services.
_HIDDEN = ("/home", "/root", "/run/user")
_split = click.option("--split", is_flag=True, help="A unit for each service, in place of one for both.")


@click.group("systemd", help=HOST["systemd"])
def systemd() -> None:
    """Hold the two commands below."""


@systemd.command("print", help="Print the unit as `install` would write it.")
@_split
def print_units(*, split: bool) -> None:
    """Print them one after the other."""
    click.echo("\n".join(_unit(name) for name in _names(split=split)), nl=False)


@systemd.command("install", help="Write the unit, its user and a file for settings, as root.")
@_split
@click.option(
    "--root",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("/"),
    help="Write below this folder, and tell systemd nothing: for images and packages.",
)
def install(root: Path, *, split: bool) -> None:
    """Write what belongs to a machine; what its owner may have changed stays."""
    names = _names(split=split)
    files = {f"etc/systemd/system/{name}": _unit(name) for name in names}
    files["etc/sysusers.d/axm1-llm.conf"] = _shipped("axm1-llm.sysusers")
    try:
        for place, text in files.items():
            _write(root / place, text, 0o644)
        settings = root / "etc/default/axm1-llm"
        if not settings.exists():
            _write(settings, _shipped("axm1-llm.default"), 0o600)
    except OSError as error:
        raise Axm1Error(f"cannot write {error.filename} ({error.strerror}); run this as root") from error
    if root == Path("/"):
        _tell_systemd()
    units = " ".join(name.removesuffix(".service") for name in names)
    click.echo(f"Settings: {settings}\nStart it now and at every boot: systemctl enable --now {units}")


def _names(*, split: bool) -> tuple[str, ...]:
    return _SPLIT if split else _ONE


def _unit(name: str) -> str:
    return _shipped(name).replace(_COMMAND, str(_own_command()))


def _shipped(name: str) -> str:
    return (resources.files("axm1_llm") / "units" / name).read_text("utf-8")


def _own_command() -> Path:
    """The place of this command, which the services can run.

    Links stay: pipx moves what is behind them.

    Raises:
        Axm1Error: it is where a service of the system cannot reach.
    """
    found = Path(sys.argv[0])
    command = found.absolute() if found.name == "axm1" else Path(sys.executable).with_name("axm1")
    for place in (command, command.resolve()):
        if any(place.is_relative_to(folder) for folder in _HIDDEN):
            raise Axm1Error(
                f"{place} is in a home folder, which the unit hides from the services; install axm1-llm for "
                "all users: sudo PIPX_HOME=/opt/pipx PIPX_BIN_DIR=/usr/local/bin pipx install axm1-llm"
            )
    return command


def _write(file: Path, text: str, mode: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode)
    file.write_text(text, "utf-8")
    click.echo(f"Wrote {file}")


def _tell_systemd() -> None:
    _run("systemd-sysusers", "axm1-llm.conf")
    if Path("/run/systemd/system").is_dir():  # else it does not run: a chroot, or an image that is built
        _run("systemctl", "daemon-reload")


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Axm1Error(f"`{' '.join(command)}` failed ({error}); is this a machine with systemd?") from error
