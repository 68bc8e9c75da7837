"""The tutorial's commands, in its order, as a reader types them.

Two things are not as a reader has them: the environment is the one that runs the tests, since making a
new one takes longer than everything else here, and ``pkill`` reaches the processes of this test only.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.processes import MARK
from e2e.services import PATIENCE, Service, free_port

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = (ROOT / "docs" / "tutorial" / "first-answer.md").read_text("utf-8")
BEHIND = re.compile(r"\s+#.*$")
STARTS = ("git clone", "cd ", "make run")
# Kills what carries the mark of this test, and never what another program has started.
PKILL = """#!/usr/bin/env python3
import os, pathlib, sys
_, signal, flag, part = sys.argv
assert (signal, flag) == ("-9", "-f")
mark = f"{mark_name}={{os.environ['{mark_name}']}}".encode()
for entry in pathlib.Path("/proc").iterdir():
    try:
        words = (entry / "cmdline").read_bytes().split(b"\\0")
        ours = mark in (entry / "environ").read_bytes().split(b"\\0")
        if ours and part.encode() in words and int(entry.name) != os.getpid():
            os.kill(int(entry.name), 9)
    except (OSError, ValueError):
        pass
"""


def commands() -> list[str]:
    """The lines of the tutorial that a reader types, in their order; what is printed begins with { or …."""
    lines = re.findall(r"^    (.*)$", TUTORIAL, re.MULTILINE)
    return [BEHIND.sub("", line) for line in lines if not line.startswith(("{", "…"))]


@pytest.fixture(scope="module")
def demo() -> Iterator[Service]:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(os.environ.get("AXM1_DEMO_DIR") or cache / "axm1-llm" / "demo")
    options = ("--tokenizer-port", str(free_port()), "--demo-dir", str(folder))
    with Service("demo", free_port(), *options) as service:
        yield service.started(PATIENCE + 100)


@pytest.fixture(scope="module")
def shell(demo: Service, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a reader's terminal."""
    tools = tmp_path_factory.mktemp("tools")
    pkill = tools / "pkill"
    pkill.write_text(PKILL.format(mark_name=MARK))
    pkill.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AXM1_", "OLLAMA_"))}
    own = {"AXM1_PORT": str(demo.port), MARK: demo.mark, "NO_COLOR": "1", "no_proxy": "*"}
    return {**kept, **own, "PATH": f"{tools}{os.pathsep}{kept['PATH']}"}


def typed(command: str, demo: Service, shell: dict[str, str], keys: str = "") -> str:
    """What a command prints, at the port that is free here."""
    # The tests' own environment stands where the tutorial makes one.
    here = command.replace(":11535", f":{demo.port}")
    here = here.replace(".venv/bin/axm1", f"{sys.executable} -m axm1_llm.cli")
    done = subprocess.run(
        ["bash", "-c", here],
        input=keys,
        env=shell,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


def watched(demo: Service, shell: dict[str, str]) -> str:
    """What ``status --watch`` has drawn when Ctrl-C ends it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "axm1_llm.cli", "status", "--watch"],
        env=shell,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        first = process.stdout.readline() + process.stdout.readline()  # the head, and the model
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    return first + rest


def came_back(demo: Service) -> bool:
    """Whether the model has died and is loaded again; right after a kill it still counts as ready."""
    history = demo.http.get("/api/status/smollm2:135m/history").text
    return "failed" in history and demo.status("smollm2:135m")["status"] == "ready"


def test_the_start_is_what_the_readme_and_the_makefile_have() -> None:
    start = [command for command in commands() if command.startswith(STARTS)]
    assert [command.split()[0] for command in start] == ["git", "cd", "make"]
    assert "axm1 demo" in (ROOT / "Makefile").read_text("utf-8").partition("\nrun:")[2].partition("\n\n")[0]


@pytest.mark.timeout(
    300
)  # a real model answers four times; 5 s on a quiet machine, 80 s were seen on a busy one
def test_every_command_of_the_tutorial_works_in_its_order(demo: Service, shell: dict[str, str]) -> None:
    printed: dict[str, str] = {}
    for command in (command for command in commands() if not command.startswith(STARTS)):
        if command.endswith("--watch"):
            printed[command] = watched(demo, shell)
        elif command.startswith(".venv/bin/axm1 run"):
            printed[command] = typed(command, demo, shell, "What is the capital of France?\n/bye\n")
        else:
            printed[command] = typed(command, demo, shell)
        if command.startswith("pkill"):
            demo.until(lambda: came_back(demo), 60)
    question, whole, status, *_, history = (
        output for command, output in printed.items() if command.startswith("curl")
    )
    last = json.loads(question.splitlines()[-1])
    assert (last["done"], last["done_reason"]) == (True, "stop")
    assert json.loads(whole)["done"]
    assert json.loads(status)["status"] == "ready"
    assert "failed" in history
    for command, output in printed.items():
        if "axm1 status" in command:
            assert "smollm2:135m" in output
        if "axm1 run" in command:
            assert output.strip()  # what a model this small says differs from run to run
