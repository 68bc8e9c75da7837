"""`axm1 logs`."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from axm1_llm.cli.completing import complete_model
from axm1_llm.cli.connected import connected
from axm1_llm.cli.root import CLIENTS
from axm1_llm.cli.terminal import harmless

if TYPE_CHECKING:
    from axm1_llm.cli.client import Client

_LINES = 50
_MOST_LINES = 10**9 - 1

_HELP = f"""{CLIENTS["logs"]}

The lines of the vendor's executable, also of one that failed or left. The service keeps the last ones.

\b
Examples:
  axm1 logs qwen3:8b -n 200
  axm1 logs qwen3:8b -f | grep -i error"""


@click.command("logs", help=_HELP)
@click.argument("model", shell_complete=complete_model)
@click.option("-f", "--follow", is_flag=True, help="Go on with further lines as they come, until Ctrl-C.")
@click.option(
    "-n",
    "--lines",
    metavar="NUMBER",
    type=click.IntRange(0, _MOST_LINES),
    default=_LINES,
    show_default=True,
    help="How many of the last lines; at most those that the service keeps.",
)
@connected
def logs(client: Client, *, model: str, follow: bool, lines: int) -> None:
    """Print the lines, without colours and whatever else could steer a terminal."""
    path = f"/api/logs/{quote(model, safe='')}?lines={lines}&follow={int(follow)}"
    with suppress(KeyboardInterrupt), client.lines(path) as found:  # Ctrl-C is the way to end it
        for line in found:
            click.echo(harmless(line))
