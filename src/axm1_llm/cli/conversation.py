"""A chat in a terminal. The conversation is kept here: the service itself remembers nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from axm1_llm.cli.asking import AnswerStoppedError, Manner, Question, ask
from axm1_llm.cli.client import ServiceError
from axm1_llm.cli.reports import ask_report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from axm1_llm.cli.client import Client

_FIRST, _MORE = ">>> ", "... "
_FENCE = '"""'
_WELCOME = "/? for help."
_WELCOME_RAW = "Each prompt is answered on its own: the model does not see the ones before. /? for help."
_HELP = f"""\
/bye, Ctrl-D   leave
/clear         begin a new conversation
/?, /help      this list
Ctrl-C         stop the answer, or drop the entry
{_FENCE}            begin and end a prompt of several lines"""


def converse(client: Client, manner: Manner) -> None:
    """Ask one entry after the other until the person leaves.

    Raises:
        ServiceError: there is no such model.
        UnreachableError: there is no service.
    """
    ask_report(client, manner.model)  # a wrong name is told before anybody writes a prompt
    click.echo(_WELCOME_RAW if manner.raw else _WELCOME, err=True)
    turns: list[Mapping[str, str]] = []
    read_line = _line_reader()
    while True:
        try:
            entry = read_entry(read_line)
        except EOFError:
            click.echo(err=True)
            return
        except KeyboardInterrupt:
            click.echo("\nUse Ctrl-D or /bye to leave.", err=True)
            continue
        match entry.strip():
            case "":
                continue
            case "/bye" | "/exit":
                return
            case "/?" | "/help":
                click.echo(_HELP, err=True)
            case "/clear":
                turns.clear()
            case _ if manner.raw:
                _answer(client, manner, manner.prompt(entry))
            case _:
                question = {"role": "user", "content": entry}
                # What was not answered is no part of the conversation.
                if answer := _answer(client, manner, manner.chat([*turns, question])):
                    turns += [question, {"role": "assistant", "content": answer}]


def read_entry(read_line: Callable[[str], str]) -> str:
    '''One line, or all lines between """ and """.

    Args:
        read_line: gives a line without its end; its argument is what to prompt with.

    Raises:
        EOFError: from `read_line`, also in the middle of an entry.
    '''
    line = read_line(_FIRST)
    if not line.startswith(_FENCE):
        return line
    line = line.removeprefix(_FENCE)
    lines = []
    while not line.endswith(_FENCE):
        lines.append(line)
        line = read_line(_MORE)
    return "\n".join((*lines, line.removesuffix(_FENCE)))


def _answer(client: Client, manner: Manner, question: Question) -> str:
    """Print the answer, and return as much of it as came."""
    try:
        return ask(client, manner, question)
    except ServiceError as error:
        click.echo(f"Error: {error}", err=True)
        return ""
    except AnswerStoppedError as stopped:
        click.echo("\nstopped", err=True)
        return stopped.text


def _line_reader() -> Callable[[str], str]:
    import readline  # noqa: F401, PLC0415 - its import gives `input` line editing and history, for a chat only

    if sys.stdout.isatty():
        return input
    return _read_beside_output


def _read_beside_output(prompt: str) -> str:
    # `input` would write its prompt into the file or pipe that wants the answers.
    click.echo(prompt, err=True, nl=False)
    return input()
