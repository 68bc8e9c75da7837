"""`axm1 chat`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from axm1_llm.cli.asking import manner_of, manner_options
from axm1_llm.cli.chat.conversation import converse
from axm1_llm.cli.chat.saved import restore
from axm1_llm.cli.chat.state import Chat
from axm1_llm.cli.completing import complete_model
from axm1_llm.cli.connected import connected
from axm1_llm.cli.reports import ask_list, ask_loaded
from axm1_llm.cli.root import CLIENTS

if TYPE_CHECKING:
    from axm1_llm.cli.client import Client

_HELP = f"""{CLIENTS["chat"]}

Without MODEL it is the one that is loaded, or the only one that there is. /? lists what can be typed besides
prompts. Ctrl-C stops an answer, Ctrl-D leaves. What is typed is kept for the arrow keys, in
~/.local/state/axm1/chat-history, which only you can read.

\b
Examples:
  axm1 chat
  axm1 chat qwen3:8b --system "Answer in German."
  axm1 chat --load trip.json"""


@click.command("chat", help=_HELP)
@click.argument("model", required=False, shell_complete=complete_model)
@manner_options
@click.option("--load", "file", metavar="FILE", type=Path, help="Go on with a chat that /save has written.")
@click.option("--plain", is_flag=True, help="Print answers as they are, without drawing their Markdown.")
@click.option("--no-history", is_flag=True, help="Neither read nor keep what is typed.")
@connected
def chat(
    client: Client,
    *,
    model: str | None,
    file: Path | None,
    plain: bool,
    no_history: bool,
    **options: Any,  # noqa: ANN401 - click's
) -> None:
    """Chat until the person leaves."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise click.UsageError("a chat needs a terminal; `axm1 run MODEL PROMPT` does not")
    talk = Chat(manner_of(model or "", **options), markdown=not plain, history=not no_history)
    if file is not None:
        restore(talk, file)
    talk.use(model or talk.manner.model or _usual_model(client))
    converse(client, talk)


def _usual_model(client: Client) -> str:
    names = [loaded.model for loaded in ask_loaded(client)] or [listed.model for listed in ask_list(client)]
    if len(names) == 1:
        return names[0]
    raise click.UsageError(f"which model? Name one of: {', '.join(names)}" if names else "there is no model")
