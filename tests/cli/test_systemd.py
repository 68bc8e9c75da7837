"""The systemd units: what they say, what systemd thinks of it, and how they get onto a machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from importlib import resources
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from axm1_llm.cli.exits import Exit
from axm1_llm.cli.root import axm1

_UNITS = {
    "axm1.service": 1.6,
    "axm1-llm-service.service": 1.6,
    "axm1-tokenizer-service.service": 1.3,
}
_OWN = {
    # What is of one service alone; all else is the same in each unit.
    "Description",
    "Conflicts",
    "ExecStart",
    "DeviceAllow",
    "DevicePolicy",
    "PrivateDevices",
    "PrivateUsers",
    "StateDirectory",
}
_analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing")


def _text(name: str) -> str:
    return (resources.files("axm1_llm") / "units" / name).read_text("utf-8")


def _lines(name: str) -> set[str]:
    lines = {line for line in _text(name).splitlines() if "=" in line and not line.startswith("#")}
    return {
        line
        for line in lines
        if line.split("=")[0] not in _OWN and "tokenizer-service" not in line and "VARIANTS" not in line
    }


def _axm1(*arguments: str) -> Result:
    return CliRunner().invoke(axm1, ["systemd", *arguments])


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The command is called where anybody may."""
    file = tmp_path / "bin/axm1"
    file.parent.mkdir()
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    monkeypatch.setattr("sys.argv", [str(file)])
    return file


def test_what_the_units_have_in_common_is_the_same_in_each() -> None:
    one, *others = map(_lines, _UNITS)
    assert one
    assert all(other == one for other in others)


@pytest.mark.parametrize("name", _UNITS)
def test_only_a_service_is_asked_to_leave_and_only_a_whole_one_is_ended(name: str) -> None:
    lines = _text(name).splitlines()
    for wanted in ("Type=notify", "KillMode=mixed", "OOMPolicy=continue", "WatchdogSec=60"):
        assert wanted in lines
    assert f"RestartPreventExitStatus={Exit.USAGE:d}" in lines


@_analyze
@pytest.mark.parametrize(("name", "most"), _UNITS.items())
def test_systemd_takes_the_unit_and_finds_little_that_it_may_do(
    name: str, most: float, tmp_path: Path
) -> None:
    for each in _UNITS:
        (tmp_path / each).write_text(_text(each).replace("/usr/local/bin/axm1", "/bin/true"))
    environ = {**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"}

    def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
        argv = ["systemd-analyze", *arguments, str(tmp_path / name)]
        return subprocess.run(argv, check=False, env=environ, capture_output=True, text=True)

    verified = analyze("verify")
    said = [line for line in verified.stderr.splitlines() if name in line]
    assert (verified.returncode, said) == (0, [])
    exposure = analyze("security", "--offline=yes", "--no-pager")
    level = re.search(r"exposure level for .*: ([\d.]+)", exposure.stdout)
    assert level is not None, exposure.stderr
    assert float(level[1]) <= most


def test_the_unit_is_printed_with_the_place_of_the_command(command: Path) -> None:
    printed = _axm1("print").output
    assert f"ExecStart={command} serve\n" in printed
    assert "/usr/local/bin" not in printed


def test_a_command_in_somebodys_home_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/home/pi/.local/bin/axm1"])
    refused = _axm1("print")
    assert refused.exit_code == Exit.ERROR
    assert "PIPX_BIN_DIR=/usr/local/bin pipx install" in refused.output


@pytest.mark.parametrize(
    ("options", "units"),
    [((), ["axm1"]), (("--split",), ["axm1-llm-service", "axm1-tokenizer-service"])],
    ids=["one", "split"],
)
def test_what_is_installed_is_the_units_their_user_and_the_settings(
    options: tuple[str, ...], units: list[str], command: Path, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    installed = _axm1("install", *options, "--root", str(root))
    assert installed.exit_code == 0, installed.output
    assert sorted(file.stem for file in (root / "etc/systemd/system").iterdir()) == units
    for unit in units:
        assert f"ExecStart={command} " in (root / f"etc/systemd/system/{unit}.service").read_text()
    assert "u axm1" in (root / "etc/sysusers.d/axm1-llm.conf").read_text()
    settings = root / "etc/default/axm1-llm"
    assert settings.stat().st_mode & 0o777 == 0o600
    assert all(line.startswith("#") or not line for line in settings.read_text().splitlines())


def test_settings_that_are_there_stay(command: Path, tmp_path: Path) -> None:
    settings = tmp_path / "root/etc/default/axm1-llm"
    settings.parent.mkdir(parents=True)
    settings.write_text("AXM1_KEEP_ALIVE=1h\n")
    for _ in range(2):
        assert _axm1("install", "--root", str(tmp_path / "root")).exit_code == 0
    assert settings.read_text() == "AXM1_KEEP_ALIVE=1h\n"


def test_a_folder_that_cannot_be_written_is_named(command: Path) -> None:
    refused = _axm1("install", "--root", "/proc")
    assert refused.exit_code == Exit.ERROR
    assert "/proc/etc" in refused.output
    assert "run this as root" in refused.output
