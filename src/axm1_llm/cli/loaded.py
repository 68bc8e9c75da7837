"""`axm1 ps`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from axm1_llm.cli.connected import connected
from axm1_llm.cli.reports import ask_loaded, parse_reports, plain_name, report_path
from axm1_llm.cli.root import CLIENTS

if TYPE_CHECKING:
    from axm1_llm.cli.client import Client

_HELP = f"""{CLIENTS["ps"]}

\b
Examples:
  axm1 ps
  axm1 ps --json | jq -r '.models[].name'"""


@click.command("ps", help=_HELP)
@click.option("--json", "as_json", is_flag=True, help="Print the service's own answer.")
@connected
def ps(client: Client, *, as_json: bool) -> None:
    """Print a row for each model that is loaded."""
    if as_json:
        click.echo(client.get("/api/ps"))
        return
    loaded = ask_loaded(client)
    reports = parse_reports(client, client.get(report_path(None)))
    from axm1_llm.cli import drawing, terminal  # noqa: PLC0415 - rich is for commands that draw

    cards = {plain_name(report.model): tuple(report.memory_left) for report in reports}
    terminal.show(drawing.draw_loaded(loaded, cards))
