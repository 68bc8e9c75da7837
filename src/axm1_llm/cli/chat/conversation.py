"""The loop of a chat: an entry, its answer, the next entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from axm1_llm.cli.asking import AnswerStoppedError, Question, ask
from axm1_llm.cli.chat.commands import WORDS, is_command, run_command
from axm1_llm.cli.chat.entries import LineReader, history_file, read_entry
from axm1_llm.cli.reports import ask_report
from axm1_llm.cli.terminal import AnswerWriter, can_draw, harmless, tell
from axm1_llm.errors import Axm1Error

if TYPE_CHECKING:
    from axm1_llm.cli.chat.state import Chat
    from axm1_llm.cli.client import Client
    from axm1_llm.cli.terminal import Writer

_WELCOME_RAW = "Each prompt is answered on its own: the model does not see the ones before. "


def converse(client: Client, chat: Chat) -> None:
    """Ask one entry after the other until the person leaves.

    Raises:
        ServiceError: there is no such model.
        UnreachableError: there is no service.
    """
    ask_report(client, chat.manner.model)  # a wrong name is told before anybody writes a prompt
    said = _WELCOME_RAW if chat.manner.raw else f"{harmless(chat.manner.model)}. "
    click.echo(f"{said}/? for help.", err=True)
    read_line = LineReader(WORDS, history_file() if chat.history else None)
    while not chat.over:
        try:
            entry = read_entry(read_line)
        except EOFError:
            click.echo(err=True)
            return
        except KeyboardInterrupt:
            click.echo("\nUse Ctrl-D or /bye to leave.", err=True)
            continue
        if entry.strip():
            _do(client, chat, entry)


def _do(client: Client, chat: Chat, entry: str) -> None:
    try:
        if is_command(entry):
            run_command(client, chat, entry)
        elif chat.manner.raw:
            _answer(client, chat, chat.manner.prompt(entry))
        else:
            _answer_turn(client, chat, entry)
    except Axm1Error as error:  # also a service that is gone: it may come back, and the turns are still here
        click.echo(f"Error: {harmless(str(error))}", err=True)
    except KeyboardInterrupt:
        click.echo("\nstopped", err=True)


def _answer_turn(client: Client, chat: Chat, entry: str) -> None:
    question = {"role": "user", "content": entry}
    asked = chat.manner.chat(
        [*chat.turns, {**question, **({"images": chat.pictures} if chat.pictures else {})}]
    )
    answer = _answer(client, chat, asked)
    chat.pictures = []
    # What was not answered is no part of the conversation.
    if answer:
        chat.turns += [question, {"role": "assistant", "content": answer}]


def _answer(client: Client, chat: Chat, question: Question) -> str:
    """Print the answer, and return as much of it as came."""
    try:
        answered = ask(client, chat.manner, question, _writer(chat))
    except AnswerStoppedError as stopped:
        click.echo("\nstopped", err=True)
        return stopped.text
    if not chat.manner.verbose:
        tell(answered.in_short())
    return answered.text


def _writer(chat: Chat) -> Writer:
    if chat.markdown and not chat.manner.raw and can_draw():
        from axm1_llm.cli.chat.markdown import MarkdownWriter  # noqa: PLC0415 - rich is for those who look

        return MarkdownWriter()
    return AnswerWriter()
