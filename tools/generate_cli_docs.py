"""Write docs/reference/cli.md from the commands themselves.

Run: python tools/generate_cli_docs.py [--check]
With --check nothing is written; exit code 1 says that the page is stale.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from axm1_llm.cli.root import SERVICES, axm1

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "cli.md"

_INTRODUCTION = """\
# The command `axm1`

<!-- Made by tools/generate_cli_docs.py from the commands; change those, not this page. -->

`axm1 serve` and its like start the services; `run`, `list` and `status` are clients of an llm-service that
runs, here or elsewhere. What goes into a pipe has no colours and no escape codes; errors and figures go to
standard error.
"""
_WIDTH = 100


def page() -> str:
    """The whole page."""
    sections = [_INTRODUCTION, _section(axm1, _context(axm1, None, "axm1"))]
    with _context(axm1, None, "axm1") as parent:
        for name in axm1.list_commands(parent):
            command = axm1.get_command(parent, name)
            assert command is not None  # noqa: S101 - it is in the list
            context = _context(command, parent, name)
            again = name in SERVICES and name != next(iter(SERVICES))
            sections.append(_service_again(command, context) if again else _section(command, context))
    return "\n".join(sections)


def _context(command: click.Command, parent: click.Context | None, name: str) -> click.Context:
    # Neither the size of a terminal nor anything else of this machine may show in the page.
    return click.Context(command, parent, name, terminal_width=_WIDTH, help_option_names=["-h", "--help"])


def _section(command: click.Command, context: click.Context) -> str:
    help_text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    return f"## {context.command_path}\n\n```text\n{help_text}\n```\n"


def _service_again(command: click.Command, context: click.Context) -> str:
    return f"## {context.command_path}\n\n{command.help} It has the options of `axm1 serve`.\n"


def main(arguments: list[str]) -> int:
    """Write the page, or compare it."""
    text = page()
    if "--check" not in arguments:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return 0
    print(f"{PAGE} is stale; run: python tools/generate_cli_docs.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
