"""The mends of a run script: text → text, the same text when nothing is wrong with it. Pure."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from axm1_llm.folder.commands import Command, read_commands
from axm1_llm.folder.flags import KNOWN, TOKENIZER_FLAGS, Flag, read_flags

if TYPE_CHECKING:
    from collections.abc import Callable

OWN_ADDRESS = '"http://localhost:$1"'
ANY_ADDRESS = '"${AXM1_TOKENIZER_URL:-http://localhost:$1}"'
_BLANKS_AFTER_BACKSLASH = re.compile(r"\\[ \t]+(?=\n)")
_GAP = re.compile(r"[ \t]*\n[ \t\n]*")
_LOOPBACK = frozenset({"localhost", "[::1]"})
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[0-9.]+|localhost)(?=[:/]|$)")


def runtime_command(text: str) -> Command | None:
    """The command with the most flags of the vendor's runtimes; None: none has any."""
    best, most = None, 0
    for command in read_commands(text):
        known = sum(flag.name in KNOWN for flag in read_flags(command.arguments))
        if command.program is not None and known > most:
            best, most = command, known
    return best


def first_line(text: str) -> str:
    """With ``#!/bin/sh`` on the first line, and nothing invisible before it."""
    text = text.removeprefix("\ufeff")
    return text if text.startswith("#!") else f"#!/bin/sh\n{text}"


def unix_lines(text: str) -> str:
    """Without the carriage returns of Windows editors."""
    return text.replace("\r\n", "\n")


def whole_lines(text: str) -> str:
    """With every line of the runtime's command continued: no blank behind a backslash, none forgotten."""
    text = _BLANKS_AFTER_BACKSLASH.sub(r"\\", text)
    for start, end in reversed(_forgotten_backslashes(text)):
        indent = text[start:end].rpartition("\n")[2]
        text = f"{text[:start]} \\\n{indent}{text[end:]}"
    return text


def stray_flag(text: str) -> str | None:
    """A flag that stands where a command should: the line before it does not go on; None: there is none."""
    programs = [command.program for command in read_commands(text) if command.program is not None]
    return next((program.raw for program in programs if program.raw.startswith("--")), None)


def _forgotten_backslashes(text: str) -> list[tuple[int, int]]:
    """What stands between a command and the flags behind it that belong to it: a line's end, no comment."""
    gaps = []
    for previous, command in pairwise(read_commands(text)):
        if command.program is not None and command.program.raw.startswith("--"):
            gap = (previous.span.end, command.span.start)
            if _GAP.fullmatch(text, *gap):
                gaps.append(gap)
    return gaps


def with_flag(name: str, value: str) -> Callable[[str], str]:
    """An edit that gives the runtime's command the flag with that value, as it is to be written."""

    def edit(text: str) -> str:
        command = runtime_command(text)
        if command is None:
            return text
        flags = read_flags(command.arguments)
        found = [flag for flag in flags if flag.name == name]
        if not found:
            return _inserted(text, flags[0].span.start, f"--{name} {value}")
        for flag in reversed(found):
            text = _replaced(text, flag, value)
        return text

    return edit


def own_address(text: str) -> str:
    """With the port from ``$1`` in the tokenizer's address; a number stays as the host.

    Scripts are published with addresses of their author's network, so that of the service goes before another
    machine's.
    """
    flag = _tokenizer_flag(text)
    if flag is None:
        return with_flag(TOKENIZER_FLAGS[-1], OWN_ADDRESS)(text)
    host = _HOST.match(flag.text.rpartition("://")[2])
    if host is None:
        return _replaced(text, flag, ANY_ADDRESS)
    own = f"http://{host['host']}:$1"
    here = host["host"] in _LOOPBACK or host["host"].startswith("127.")
    return _replaced(text, flag, f'"{own}"' if here else f'"${{AXM1_TOKENIZER_URL:-{own}}}"')


def any_address(text: str) -> str:
    """With the address that the service found, where it says one."""
    flag = _tokenizer_flag(text)
    return text if flag is None else _replaced(text, flag, ANY_ADDRESS)


def with_exec(text: str) -> str:
    """With the runtime in the shell's place."""
    command = runtime_command(text)
    if command is None or command.program is None or command.exec_word is not None:
        return text
    at = command.program.span.start
    return f"{text[:at]}exec {text[at:]}"


def _tokenizer_flag(text: str) -> Flag | None:
    command = runtime_command(text)
    flags = read_flags(command.arguments) if command else ()
    return next((flag for flag in flags if flag.name in TOKENIZER_FLAGS), None)


def _replaced(text: str, flag: Flag, value: str) -> str:
    start, end = flag.span.start, flag.span.end
    name = text[start : flag.name_word.span.end].partition("=")[0]
    separator = "=" if flag.value is not None and flag.value.span.end == flag.name_word.span.end else " "
    return f"{text[:start]}{name}{separator}{value}{text[end:]}"


def _inserted(text: str, at: int, flag: str) -> str:
    """With the flag before what stands at `at`: on a line of its own when that begins one."""
    indent = text[:at].rpartition("\n")[2]
    separator = " " if indent.strip() else f" \\\n{indent}"
    return f"{text[:at]}{flag}{separator}{text[at:]}"
