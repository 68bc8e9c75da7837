"""`axm1 run`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from axm1_llm.cli.asking import ask, manner_of, manner_options
from axm1_llm.cli.chat.commands import read_picture
from axm1_llm.cli.chat.conversation import converse
from axm1_llm.cli.chat.state import Chat
from axm1_llm.cli.completing import complete_model
from axm1_llm.cli.connected import connected
from axm1_llm.cli.root import CLIENTS
from axm1_llm.cli.terminal import AnswerWriter

if TYPE_CHECKING:
    from axm1_llm.cli.client import Client

_HELP = f"""{CLIENTS["run"]}

The words of PROMPT are one prompt, and what is piped in stands before them. An empty PROMPT loads the model.
Without a prompt it is a chat, as `axm1 chat` has it.

\b
Examples:
  axm1 run qwen3:8b "Why is the sky blue?"
  git diff | axm1 run qwen3:8b "Write a commit message." > message.txt
  axm1 run qwen2.5-vl:3b --image door.jpg "Who is at the door?"
"""


@click.command("run", help=_HELP)
@click.argument("model", shell_complete=complete_model)
@click.argument("prompt", nargs=-1)
@click.option("--raw", is_flag=True, help="Hand the prompt over as it is, without the model's chat template.")
@click.option(
    "--image", "images", metavar="FILE", type=Path, multiple=True, help="A picture to look at; repeatable."
)
@manner_options
@connected
def run(
    client: Client,
    *,
    model: str,
    prompt: tuple[str, ...],
    images: tuple[Path, ...],
    **options: Any,  # noqa: ANN401 - click's
) -> None:
    """Print the answer to a prompt, or chat."""
    manner = manner_of(model, **options)
    if manner.raw and manner.system is not None:
        raise click.UsageError("--raw takes no --system: a raw prompt is all that the model sees")
    piped = None if sys.stdin is None or sys.stdin.isatty() else _read_pipe(raw=manner.raw)
    pictures = [read_picture(path) for path in images]
    if prompt or piped:
        text = "\n\n".join(part for part in (piped, " ".join(prompt)) if part)
        ask(client, manner, manner.prompt(text, pictures), AnswerWriter())
    elif piped is None and sys.stdin is not None:
        converse(client, Chat(manner, pictures=pictures))
    else:
        raise click.UsageError("there is no prompt: name one, pipe one in, or start the chat in a terminal")


def _read_pipe(*, raw: bool) -> str:
    text = sys.stdin.buffer.read().decode("utf-8", "replace")
    # `echo` and editors end the last line; that is no part of what is meant, but for a raw prompt.
    return text if raw else text.rstrip("\r\n")
