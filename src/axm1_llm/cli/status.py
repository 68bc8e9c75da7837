"""`axm1 status`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from axm1_llm.cli.completing import complete_model
from axm1_llm.cli.connected import connected
from axm1_llm.cli.reports import parse_reports, report_path, warnings
from axm1_llm.cli.root import CLIENTS
from axm1_llm.cli.terminal import harmless, is_terminal, show

if TYPE_CHECKING:
    from rich.console import RenderableType

    from axm1_llm.cli.client import Client

_WATCH_SECONDS = 0.5
_GAUGES_SECONDS = 10.0  # the service may have to ask the card, which takes it a moment

_HELP = f"""{CLIENTS["status"]} With MODEL: all that is known of it.

\b
Examples:
  axm1 status
  axm1 status qwen3:8b --watch
  axm1 status --watch --json | jq -c '.models[] | [.model, .status]'"""


@click.command("status", help=_HELP)
@click.argument("model", required=False, shell_complete=complete_model)
@click.option("--watch", is_flag=True, help=f"Look again every {_WATCH_SECONDS} s until q or Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print the service's own answer.")
@connected
def status(client: Client, *, model: str | None, watch: bool, as_json: bool) -> None:
    """Print a row for each model, or one model in detail."""
    if not watch:
        _print(client, model, client.get(report_path(model)), as_json=as_json)
        return
    try:
        if is_terminal() and not as_json:
            _redraw(client, model)
        else:
            _follow(client, model, as_json=as_json)
    except KeyboardInterrupt:
        return  # the way to end a watch


def _follow(client: Client, model: str | None, *, as_json: bool) -> None:
    """Print what changed, one after the other, for a program that reads it."""
    last = ""
    while True:
        text = client.get(report_path(model))
        if text != last:
            _print(client, model, text, as_json=as_json)
            last = text
        time.sleep(_WATCH_SECONDS)


def _redraw(client: Client, model: str | None) -> None:
    from axm1_llm.cli.watching import Watch  # noqa: PLC0415 - rich is for commands that draw

    Watch(client, model, pause=_WATCH_SECONDS, gauges_pause=_GAUGES_SECONDS).run()


def _print(client: Client, model: str | None, text: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(text)
        return
    show(_draw(client, model, text))
    for warning in warnings(text) if model is None else ():
        click.echo(harmless(warning), err=True)


def _draw(client: Client, model: str | None, text: str) -> RenderableType:
    from axm1_llm.cli import drawing  # noqa: PLC0415 - rich is for commands that draw

    reports = parse_reports(client, text)
    return drawing.draw_reports(reports) if model is None else drawing.draw_report(reports[0])
