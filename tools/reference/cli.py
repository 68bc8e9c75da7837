"""The page of the command line, out of the commands."""

from __future__ import annotations

import click

from axm1_llm.cli.root import SERVICES, axm1

_INTRODUCTION = """\
# The command `axm1`

<!-- Made by `make docs` from the commands; change those, not this page. -->

`axm1 serve` and its like start the services; the others are clients of an llm-service that
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
