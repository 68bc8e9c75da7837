"""What can be typed besides prompts: /help, /set and the like."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from axm1_llm.cli.chat.entries import FENCE
from axm1_llm.cli.chat.saved import restore, save
from axm1_llm.cli.chat.settings import NAMES, change, described
from axm1_llm.cli.reports import ask_report
from axm1_llm.cli.showing import ask_shown
from axm1_llm.cli.terminal import harmless
from axm1_llm.errors import Axm1Error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from axm1_llm.cli.chat.state import Chat
    from axm1_llm.cli.client import Client

_COMMAND = re.compile(r"\s*/([a-z]+|\?)(?:\s+(.*))?\s*", re.DOTALL)


class EntryError(Axm1Error):
    """What was typed cannot be done."""


def _bye(_: Client, chat: Chat, __: str) -> None:
    chat.over = True


def _help(_: Client, __: Chat, ___: str) -> None:
    width = max(len(command.usage) for command in _COMMANDS.values())
    lines = [f"{command.usage:<{width}}  {command.summary}" for command in _COMMANDS.values()]
    keys = (("Ctrl-C", "stop the answer, or drop the entry"), ("Ctrl-D", "leave"))
    fence = (FENCE, "begin and end a prompt of several lines")
    lines += [f"{key:<{width}}  {summary}" for key, summary in (fence, *keys)]
    click.echo("\n".join(lines), err=True)


def _clear(_: Client, chat: Chat, __: str) -> None:
    chat.turns.clear()
    chat.pictures = []
    _say("a new conversation")


def _system(_: Client, chat: Chat, text: str) -> None:
    if text:
        chat.manner = replace(chat.manner, system=text)
    _say(f"system: {chat.manner.system}" if chat.manner.system else "system: the model's own")


def _model(client: Client, chat: Chat, name: str) -> None:
    if name:
        ask_report(client, name)
        chat.use(name)
    _say(f"model: {chat.manner.model}")


def _set(client: Client, chat: Chat, text: str) -> None:
    name, _, value = text.partition(" ")
    if not name:
        _say("\n".join(described(chat)))
        return
    change(chat, name, value.strip())
    _say(next(line for line in described(chat) if line.startswith(f"{name}:")))
    if value and name in (ask_shown(client, chat.manner.model).get("ignored_options") or ()):
        _say(f"{chat.manner.model} takes no notice of {name}: its runtime has no such setting")


def _save(_: Client, chat: Chat, path: str) -> None:
    save(chat, _path(path))
    _say(f"{len(chat.turns)} turns are in {path}")


def _load(_: Client, chat: Chat, path: str) -> None:
    restore(chat, _path(path))
    _say(f"{chat.manner.model}, {len(chat.turns)} turns")


def _image(client: Client, chat: Chat, path: str) -> None:
    if "vision" not in (ask_shown(client, chat.manner.model).get("capabilities") or ()):
        raise EntryError(f"{chat.manner.model} sees no pictures")
    chat.pictures = [*chat.pictures, read_picture(_path(path))]
    _say(f"pictures with the next prompt: {len(chat.pictures)}")


def _show(_: Client, chat: Chat, __: str) -> None:
    _say(
        "\n".join(
            (f"model: {chat.manner.model}", *described(chat, all_names=False), f"turns: {len(chat.turns)}")
        )
    )


@dataclass(frozen=True, slots=True)
class _Command:
    usage: str
    summary: str
    do: Callable[[Client, Chat, str], None]


_COMMANDS = {
    "help": _Command("/?, /help", "this list", _help),
    "clear": _Command("/clear", "begin a new conversation", _clear),
    "system": _Command("/system TEXT", "set the system prompt", _system),
    "model": _Command("/model NAME", "ask another model", _model),
    "set": _Command("/set NAME VALUE", "set an option; without VALUE: the model's own", _set),
    "show": _Command("/show", "what is set, and how many turns there are", _show),
    "image": _Command("/image FILE", "show a picture with the next prompt", _image),
    "save": _Command("/save FILE", "write the chat to a file", _save),
    "load": _Command("/load FILE", "go on with a chat from a file", _load),
    "bye": _Command("/bye", "leave", _bye),
}
_ALSO = {"?": "help", "exit": "bye", "quit": "bye"}

WORDS: Sequence[str] = (*(f"/{name}" for name in _COMMANDS), *(f"/set {name} " for name in NAMES))


def is_command(entry: str) -> bool:
    """Whether an entry is a command; a prompt that begins with a path is none."""
    return _COMMAND.fullmatch(entry) is not None


def run_command(client: Client, chat: Chat, entry: str) -> None:
    """Do what a command says.

    Raises:
        EntryError: there is no such command, or it cannot be done.
        ServiceError: the service refused it.
    """
    found = _COMMAND.fullmatch(entry)
    name = found[1] if found else ""
    command = _COMMANDS.get(_ALSO.get(name, name))
    if command is None:
        raise EntryError(f"/{name} is no command; /? lists them")
    command.do(client, chat, ((found[2] if found else "") or "").strip())


def read_picture(path: Path) -> str:
    """A picture as base64.

    Raises:
        EntryError: it cannot be read.
    """
    try:
        return base64.b64encode(path.read_bytes()).decode()
    except OSError as error:
        raise EntryError(f"{path} cannot be read: {error.strerror}") from None


def _path(text: str) -> Path:
    # A file that is dragged into a terminal comes in quotes.
    text = text[1:-1] if text[:1] == text[-1:] and text[:1] in {"'", '"'} else text
    if not text:
        raise EntryError("which file? Write its name behind the command")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise EntryError(f"{text} cannot be found: there is no such user") from None


def _say(text: str) -> None:
    click.echo(harmless(text), err=True)
