from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from axm1_llm import __version__
from axm1_llm.cli.exits import Exit
from axm1_llm.cli.root import CLIENTS, HOST, SERVICES, axm1
from cli.programs import axm1 as run_program


def test_the_help_names_every_command_and_exit_code() -> None:
    text = CliRunner().invoke(axm1, ["--help"], terminal_width=100).output
    for name, summary in (*SERVICES.items(), *CLIENTS.items(), *HOST.items()):
        assert any(line.split(maxsplit=1) == [name, summary] for line in text.splitlines()), name
    for code in Exit:
        assert f"\n    {code.value} " in text


@pytest.mark.parametrize("name", [*SERVICES, *CLIENTS, *HOST])
def test_a_command_says_of_itself_what_the_list_says(name: str) -> None:
    command = axm1.get_command(click.Context(axm1), name)
    assert command is not None
    assert (command.name, (command.help or "").startswith({**SERVICES, **CLIENTS, **HOST}[name])) == (
        name,
        True,
    )


def test_the_help_is_there_without_loading_what_only_commands_need() -> None:
    code = (
        "import sys, json\n"
        "from axm1_llm.cli.root import axm1\n"
        "axm1(['--help'], standalone_mode=False)\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "click" in loaded
    assert not loaded & {"pydantic", "httpx", "rich", "asyncio", "fastapi", "structlog"}


def test_a_client_command_that_draws_nothing_loads_no_rich() -> None:
    code = (
        "import sys\n"
        "import axm1_llm.cli.run, axm1_llm.cli.listing, axm1_llm.cli.status, axm1_llm.cli.completion\n"
        "import axm1_llm.cli.loaded, axm1_llm.cli.loading, axm1_llm.cli.logs, axm1_llm.cli.showing\n"
        "print('httpx' in sys.modules, 'rich' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "True False\n"


def test_the_version_is_the_package_version() -> None:
    done = run_program("--version")
    assert (done.returncode, done.stdout.decode()) == (0, f"axm1 {__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("wrong",),
        ("run",),
        ("run", "m", "hi", "--num-predict", "ten"),
        ("status", "a", "b"),
        ("list", "--port", "0"),
    ],
)
def test_a_wrong_command_line_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    done = run_program(*arguments)
    assert (done.returncode, done.stdout) == (Exit.USAGE, b"")
    assert b"Usage: axm1" in done.stderr


def test_a_host_that_is_no_address_is_exit_code_2() -> None:
    done = run_program("list", "--host", "ftp://box")
    assert done.returncode == Exit.USAGE
    assert b"'ftp://box' is no address" in done.stderr


def test_no_service_is_one_line_that_says_what_to_do() -> None:
    done = run_program("list", "--host", "127.0.0.1:1")
    assert (done.returncode, done.stdout) == (Exit.ERROR, b"")
    assert done.stderr.decode() == (
        "Error: no service answers at http://127.0.0.1:1; start one with `axm1 serve`, "
        "or name another address with --host and --port\n"
    )
