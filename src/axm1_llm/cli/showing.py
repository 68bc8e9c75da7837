"""`axm1 show`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from axm1_llm.cli.completing import complete_model
from axm1_llm.cli.connected import connected
from axm1_llm.cli.root import CLIENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axm1_llm.cli.client import Client

# What can be printed on its own, as it is.
PARTS = ("template", "system", "parameters", "modelfile", "license")

_HELP = f"""{CLIENTS["show"]}

\b
Examples:
  axm1 show qwen3:8b
  axm1 show qwen3:8b --template > chat_template.jinja
  axm1 show qwen3:8b --json | jq -r '.capabilities[]'"""


def _parts(command: Any) -> Any:  # noqa: ANN401 - click's decorators
    for part in reversed(PARTS):
        command = click.option(
            f"--{part}", "part", flag_value=part, type=str, help=f"Print its {part} and nothing else."
        )(command)
    return command


@click.command("show", help=_HELP)
@click.argument("model", shell_complete=complete_model)
@_parts
@click.option("--json", "as_json", is_flag=True, help="Print the service's own answer.")
@connected
def show_model(client: Client, *, model: str, part: str | None, as_json: bool) -> None:
    """Print all of it, or one part."""
    text = client.post("/api/show", {"model": model})
    if as_json:
        click.echo(text)
        return
    found = _parse(client, text)
    from axm1_llm.cli import drawing, terminal  # noqa: PLC0415 - rich is for commands that draw

    if part is None:
        terminal.show(drawing.draw_model(model, found))
    else:
        click.echo(terminal.harmless(str(found.get(part) or "")))


def ask_shown(client: Client, model: str) -> Mapping[str, Any]:
    """What `/api/show` says of a model.

    Raises:
        ServiceError: there is no such model, or another kind of server is at the client's address.
    """
    return _parse(client, client.post("/api/show", {"model": model}))


def _parse(client: Client, text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("details"), dict):
        raise client.unexpected()
    return found
