"""`axm1 list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from axm1_llm.cli.connected import connected
from axm1_llm.cli.reports import ask_list, parse_reports, plain_name, report_path
from axm1_llm.cli.root import CLIENTS

if TYPE_CHECKING:
    from axm1_llm.cli.client import Client


@click.command("list", help=CLIENTS["list"])
@click.option("--json", "as_json", is_flag=True, help="Print the service's own answer.")
@connected
def list_models(client: Client, *, as_json: bool) -> None:
    """Print a row for each model."""
    if as_json:
        click.echo(client.get("/api/tags"))
        return
    models = ask_list(client)
    reports = parse_reports(client, client.get(report_path(None)))
    from axm1_llm.cli import drawing, terminal  # noqa: PLC0415 - rich is for commands that draw

    terminal.show(drawing.draw_list(models, {plain_name(report.model): report for report in reports}))
