"""`axm1 list`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from axm1_llm.cli.connected import connected
from axm1_llm.cli.descriptor_file import descriptor_option
from axm1_llm.cli.reports import ask_list, parse_reports, plain_name, report_path
from axm1_llm.cli.root import CLIENTS

if TYPE_CHECKING:
    from pathlib import Path

    from axm1_llm.cli.client import Client


@click.command("list", help=CLIENTS["list"])
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="The descriptor file's models too that the service does not offer, and what is wrong with each. "
    "Needs no service.",
)
@descriptor_option("With --all: the descriptor file. Default: the first of the usual places that has one.")
@click.option("--json", "as_json", is_flag=True, help="Print the service's own answer; with --all, all rows.")
@connected
def list_models(client: Client, *, descriptor: Path | None, everything: bool, as_json: bool) -> None:
    """Print a row for each model."""
    if everything:
        _list_all(client, descriptor, as_json=as_json)
        return
    if as_json:
        click.echo(client.get("/api/tags"))
        return
    models = ask_list(client)
    reports = parse_reports(client, client.get(report_path(None)))
    from axm1_llm.cli import drawing, terminal  # noqa: PLC0415 - rich is for commands that draw

    terminal.show(drawing.draw_list(models, {plain_name(report.model): report for report in reports}))


def _list_all(client: Client, descriptor: Path | None, *, as_json: bool) -> None:
    # Imported here: without --all nobody needs the descriptor's reader, which takes longer than the rest.
    from axm1_llm.cli.all_models import all_models  # noqa: PLC0415
    from axm1_llm.descriptors import find_descriptor, load_descriptors  # noqa: PLC0415

    rows = all_models(load_descriptors(find_descriptor(descriptor)), client)
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], ensure_ascii=False))
        return
    from axm1_llm.cli import drawing, terminal  # noqa: PLC0415 - rich is for commands that draw

    terminal.show(drawing.draw_all(rows))
