from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cli.fake_service import FakeService, Reply
from cli.programs import axm1, environment

if TYPE_CHECKING:
    from pathlib import Path

_TAGS = {"models": [{"name": "qwen3:8b", "size": 1}, {"name": "tiny:latest", "size": 1}]}


def _completed(line: str, env: dict[str, str] | None = None) -> list[str]:
    """What may follow on the line, as bash's part says it."""
    asked = {"_AXM1_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": "0", **(env or {})}
    done = axm1(env=asked)
    assert (done.returncode, done.stderr) == (0, b"")
    return [each.partition(",")[2] for each in done.stdout.decode().split()]


def test_commands_and_options_are_completed_without_a_service() -> None:
    assert _completed("axm1 lo") == ["load", "logs"]
    assert _completed("axm1 load --k", {"AXM1_HOST": "127.0.0.1:1"}) == ["--keep-alive"]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("axm1 show ", ["qwen3:8b", "tiny"]),
        ("axm1 show q", ["qwen3:8b"]),
        ("axm1 show qwen3:", ["8b"]),
        ("axm1 status t", ["tiny"]),
    ],
)
def test_names_of_models_are_those_of_the_service(service: FakeService, line: str, found: list[str]) -> None:
    service.answer("/api/tags", Reply(body=_TAGS))
    assert _completed(line, {"AXM1_HOST": service.url, "AXM1_API_KEY": "k"}) == found
    assert service.asked[0].headers["Authorization"] == "Bearer k"


def test_a_host_on_the_line_is_asked(service: FakeService) -> None:
    service.answer("/api/tags", Reply(body=_TAGS))
    assert _completed(f"axm1 show --host {service.url} t") == ["tiny"]


@pytest.mark.parametrize("host", ["127.0.0.1:1", "no host at all"])
def test_without_a_service_there_are_no_names_and_no_words(host: str) -> None:
    assert _completed("axm1 show ", {"AXM1_HOST": host}) == []


def test_another_kind_of_server_gives_no_names(service: FakeService) -> None:
    service.answer("/api/tags", Reply(body=b"<html>"))
    assert _completed("axm1 show ", {"AXM1_HOST": service.url}) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(shell: str) -> None:
    done = axm1("completion", shell)
    assert (done.returncode, b"_AXM1_COMPLETE" in done.stdout) == (0, True)


def test_bash_itself_completes_with_the_script(service: FakeService, tmp_path: Path) -> None:
    service.answer("/api/tags", Reply(body=_TAGS))
    program = tmp_path / "axm1"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m axm1_llm.cli "$@"\n')
    program.chmod(0o755)
    script = tmp_path / "completion"
    script.write_bytes(axm1("completion", "bash").stdout)
    line = "axm1 show qwen3:"
    asked = f'. {script}; COMP_LINE="{line}" COMP_POINT={len(line)}; _axm1_completion axm1; '
    done = subprocess.run(
        ["bash", "-c", f'{asked} echo "${{#COMPREPLY[@]}}" "${{COMPREPLY[@]}}"'],
        capture_output=True,
        env=environment({"AXM1_HOST": service.url, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}),
        timeout=20,
        check=True,
    )
    assert done.stdout == b"1 8b\n"
