"""`axm1 load` and `axm1 stop`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import click

from axm1_llm.cli.completing import complete_model
from axm1_llm.cli.connected import connected
from axm1_llm.cli.reports import parse_reports
from axm1_llm.cli.root import CLIENTS
from axm1_llm.cli.terminal import harmless
from axm1_llm.cli.waiting import waiting
from axm1_llm.durations import EXPECTED_DURATION, parse_keep_alive

if TYPE_CHECKING:
    from axm1_llm.cli.client import Client

_LOAD_HELP = f"""{CLIENTS["load"]}

It waits until the model is ready; a terminal shows how far it is. Ctrl-C gives up the wait.

\b
Examples:
  axm1 load qwen3:8b
  axm1 load qwen3:8b --keep-alive -1   # until `axm1 stop`"""
_STOP_HELP = f"""{CLIENTS["stop"]}

The answer in hand is written to its end first. The next request loads the model again.

\b
Example:
  axm1 stop qwen3:8b"""


def _check_duration(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None:
        try:
            parse_keep_alive(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    return value


@click.command("load", help=_LOAD_HELP)
@click.argument("model", shell_complete=complete_model)
@click.option(
    "--keep-alive",
    metavar="DURATION",
    callback=_check_duration,
    help=f"How long it stays when no prompt follows: {EXPECTED_DURATION}; below 0: for ever.",
)
@connected
def load(client: Client, *, model: str, keep_alive: str | None) -> None:
    """Load it, and say how long that took."""
    query = "" if keep_alive is None else f"?{urlencode({'keep_alive': keep_alive})}"
    begun = time.monotonic()
    with waiting(client, model, patience=0.0):
        report = parse_reports(client, client.post(f"/api/models/{quote(model, safe='')}/load{query}"))[0]
    click.echo(f"{harmless(report.model)}: {report.state} after {time.monotonic() - begun:.1f} s")


@click.command("stop", help=_STOP_HELP)
@click.argument("model", shell_complete=complete_model)
@connected
def stop(client: Client, *, model: str) -> None:
    """Unload it."""
    report = parse_reports(client, client.post(f"/api/models/{quote(model, safe='')}/unload"))[0]
    click.echo(f"{harmless(report.model)}: {report.state}")
