"""`axm1 run`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from axm1_llm.cli.asking import Manner, ask
from axm1_llm.cli.completing import complete_model
from axm1_llm.cli.connected import connected
from axm1_llm.cli.conversation import converse
from axm1_llm.cli.root import CLIENTS

if TYPE_CHECKING:
    from axm1_llm.cli.client import Client

_HELP = f"""{CLIENTS["run"]}

The words of PROMPT are one prompt, and what is piped in stands before them. An empty PROMPT loads the model.

Without a prompt you chat with the model: /bye or Ctrl-D leave, /clear begins anew, Ctrl-C stops an answer,
\"\"\" begins and ends a prompt of several lines."""


@click.command("run", help=_HELP)
@click.argument("model", shell_complete=complete_model)
@click.argument("prompt", nargs=-1)
@click.option("--system", metavar="TEXT", help="The system prompt, in place of the model's own.")
@click.option("--raw", is_flag=True, help="Hand the prompt over as it is, without the model's chat template.")
@click.option(
    "--num-predict",
    metavar="NUMBER",
    type=click.IntRange(min=-1),
    help="Most tokens of an answer; -1: as many as fit. Default: the service's.",
)
@click.option("--verbose", is_flag=True, help="Print counts, durations and rates after an answer.")
@connected
def run(client: Client, *, model: str, prompt: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401 - click's
    """Print the answer to a prompt, or chat."""
    manner = Manner(model, **options)
    if manner.raw and manner.system is not None:
        raise click.UsageError("--raw takes no --system: a raw prompt is all that the model sees")
    piped = None if sys.stdin is None or sys.stdin.isatty() else _read_pipe(raw=manner.raw)
    if prompt or piped:
        text = "\n\n".join(part for part in (piped, " ".join(prompt)) if part)
        ask(client, manner, manner.prompt(text))
    elif piped is None and sys.stdin is not None:
        converse(client, manner)
    else:
        raise click.UsageError("there is no prompt: name one, pipe one in, or start the chat in a terminal")


def _read_pipe(*, raw: bool) -> str:
    text = sys.stdin.buffer.read().decode("utf-8", "replace")
    # `echo` and editors end the last line; that is no part of what is meant, but for a raw prompt.
    return text if raw else text.rstrip("\r\n")
