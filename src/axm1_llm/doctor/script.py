"""Checks of the run script: what the service needs of it, and what breaks when somebody edited it by hand."""

from __future__ import annotations

import ipaddress
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from axm1_llm.doctor import script_edits as edits
from axm1_llm.doctor.findings import Kind, Repair, error, note, warning
from axm1_llm.folder.commands import read_commands
from axm1_llm.folder.flags import CONTEXT_FLAGS, ENCODER_FLAGS, TOKENIZER_FLAGS
from axm1_llm.folder.programs import FileKind, look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from axm1_llm.doctor.findings import Finding
    from axm1_llm.doctor.place import Place

_KEEP_HISTORY = (*CONTEXT_FLAGS, *ENCODER_FLAGS)
_INSIDE = frozenset({"0", "1", "3"})  # kinds of tokenizers that the runtime has inside

MISSING = error(
    "script.missing",
    "`run_cmd` names a file that is not there.",
    "The service starts a model with it.",
    "correct `run_cmd` in the descriptor; it starts in `model_path`",
)
UNREADABLE = error(
    "script.unreadable",
    "The run script cannot be read, or is far too large for one.",
    "The shell that runs it reads it as the service's user.",
    "let the service's user read it: chmod a+r SCRIPT",
)
RUN_BIT = error(
    "script.run-bit",
    "The run script may not be executed.",
    "The service executes it; downloads lose the run bit.",
    "chmod +x SCRIPT",
    fixable=True,
)
FIRST_LINE = error(
    "script.first-line",
    "The run script has no `#!/bin/sh` on its first line.",
    "Without it the system does not know which program reads the script.",
    "put `#!/bin/sh` on the first line, with nothing before it",
    fixable=True,
)
WINDOWS_LINES = error(
    "script.windows-lines",
    "The run script has the line ends of Windows.",
    "The shell takes the invisible character for a part of file names and flags.",
    "sed -i 's/\\r$//' SCRIPT",
    fixable=True,
)
INTERPRETER = error(
    "script.interpreter",
    "The program on the run script's first line does not exist here.",
    "The system starts that program to read the script; images and small systems have no bash.",
    "install it, or write `#!/bin/sh` when the script needs nothing else",
)
BROKEN_LINES = error(
    "script.broken-lines",
    "The runtime's command ends too early: a line is not continued.",
    "A blank behind the backslash, or a missing backslash, ends the command; "
    "the flags behind it are taken for a command of their own.",
    "end every line of the command but the last with a backslash and nothing behind it; "
    "no comment or empty line may stand between",
    fixable=True,
)
UNKNOWN = note(
    "script.unknown-runtime",
    "No command with flags of the vendor's runtimes is in the run script.",
    "What is not known cannot be checked; a script of your own may be right.",
    "try it: axm1 doctor MODEL --live",
)
LIVE_PRINT = error(
    "script.live-print",
    "The run script has no `--live_print 1`.",
    "Without it nothing of an answer is printed until it is complete, and it has no end that can be seen.",
    "write: --live_print 1",
    fixable=True,
)
CONTINUE = error(
    "script.continue",
    "The run script has no `--continue 1`.",
    "Without it the runtime leaves after its first prompt, and loads anew for each.",
    "write: --continue 1",
    fixable=True,
)
ADDRESS = error(
    "script.tokenizer-port",
    "The tokenizer's address in the run script has not the port of the descriptor.",
    "The service answers at `tokenizer_port` and hands it over as `$1`; at another port nobody answers, "
    "or another model's tokenizer.",
    f"write: --filename_tokenizer_model {edits.OWN_ADDRESS}",
    fixable=True,
)
HOST = warning(
    "script.tokenizer-host",
    "The tokenizer's address in the run script has a host name.",
    "Newer runtimes take `localhost` or a number only; they resolve no names.",
    f"write: --filename_tokenizer_model {edits.ANY_ADDRESS}",
    fixable=True,
)
INSIDE = error(
    "script.tokenizer-inside",
    "The runtime has its tokenizer inside, but the descriptor gives the model another one.",
    "With `--tokenizer_type` 0, 1 or 3 the runtime asks nobody; it would answer the service's tickets "
    "instead of prompts.",
    'write in the descriptor: "tokenizer": "none"',
)
ASKED = error(
    "script.tokenizer-asked",
    "The runtime asks a tokenizer, but the descriptor says that it needs none.",
    "Nobody answers it, and it leaves with `connect failed`.",
    'take `"tokenizer": "none"` out of the descriptor, and give a `tokenizer_port`',
)
PROMPT = error(
    "script.prompt",
    'The first prompt in the run script is not `"$2"`.',
    "The service hands an empty first prompt over as `$2`; any other is answered before the first request. "
    "Without quotes an empty one vanishes, and the next flag is taken for the prompt.",
    'write: --prompt "$2"',
    fixable=True,
)
BACKGROUND = error(
    "script.background",
    "The run script starts the runtime in the background, or behind a pipe.",
    "Then prompts do not reach it, or its answers come late or not at all.",
    "start it alone: no `&`, no `|` behind its command",
)
SERVER = error(
    "script.starts-server",
    "The run script starts one of the vendor's HTTP servers.",
    "Such a server reads no prompts from its standard input.",
    "take the script without `api` in its program's name for `run_cmd`; "
    'for a folder of the third generation write "runtime": "axllm"',
)
SUDO = warning(
    "script.sudo",
    "The run script starts the runtime with sudo.",
    "The service may not stop or interrupt a process of another user, which then holds the card.",
    "let the service's user use the card (see host.device-rights), and take sudo out",
)
EXEC = note(
    "script.exec",
    "The run script does not `exec` the runtime.",
    "A shell stands between the service and the runtime: one more process for each model, no harm else.",
    "write `exec` before the runtime's program",
    fixable=True,
)
KINDS: tuple[Kind, ...] = (
    MISSING,
    UNREADABLE,
    RUN_BIT,
    FIRST_LINE,
    WINDOWS_LINES,
    INTERPRETER,
    BROKEN_LINES,
    UNKNOWN,
    LIVE_PRINT,
    CONTINUE,
    ADDRESS,
    HOST,
    INSIDE,
    ASKED,
    PROMPT,
    BACKGROUND,
    SERVER,
    SUDO,
    EXEC,
)


def check_script(place: Place) -> tuple[Finding, ...]:
    """What is wrong with a model's run script; the mends are to be done in this order."""
    path = place.script_path
    if path is None:
        what = f"'{place.model.run_cmd}' is not in {place.folder}"
        if place.has_server:
            mend = "install the vendor's axllm where PATH finds it, or name it in `run_cmd` of the descriptor"
            return (MISSING.found(f"{what} and no command of this system", mend, model=place.name),)
        return (MISSING.found(what, model=place.name),)
    run_bit = () if os.access(path, os.X_OK) else (_run_bit(place, path),)
    if look(path)[0] is FileKind.ELF or place.has_server:
        return run_bit
    if place.text is None:
        words = UNREADABLE.mend.replace("SCRIPT", shlex.quote(str(path)))
        return (
            *run_bit,
            UNREADABLE.found(
                f"{path} cannot be read, or has more than 64 KiB", words, model=place.name, file=path
            ),
        )
    return (*run_bit, *_lines(place, path), *_command(place, path))


def _run_bit(place: Place, path: Path) -> Finding:
    return RUN_BIT.found(
        f"{path.name} is not executable",
        f"chmod +x {shlex.quote(str(path))}",
        model=place.name,
        file=path,
        repair=Repair(path, executable=True),
    )


def _lines(place: Place, path: Path) -> Iterator[Finding]:
    text = place.text or ""
    model = place.name
    if "\r\n" in text:
        words = WINDOWS_LINES.mend.replace("SCRIPT", shlex.quote(str(path)))
        repair = Repair(path, edits.unix_lines)
        yield WINDOWS_LINES.found("lines end with \\r\\n", words, model=model, file=path, repair=repair)
    first = text.partition("\n")[0].rstrip("\r")
    if not first.startswith("#!"):
        what = f"the first line is: {first[:60]!r}"
        yield FIRST_LINE.found(what, model=model, file=path, repair=Repair(path, edits.first_line))
    elif (
        not Path(interpreter := (first[2:].split() or [""])[0]).is_absolute()
        or not Path(interpreter).exists()
    ):
        yield INTERPRETER.found(f"'{interpreter}' does not exist here", model=model, file=path)
    if place.tidy != edits.unix_lines(text) or edits.stray_flag(place.tidy):
        stray = edits.stray_flag(edits.unix_lines(text)) or "a backslash with blanks behind it"
        # What stands between the lines may be a comment, which nobody but its writer can put elsewhere.
        can_mend = edits.stray_flag(place.tidy) is None
        repair_lines = Repair(path, edits.whole_lines) if can_mend else None
        yield BROKEN_LINES.found(
            f"the command breaks at: {stray}", model=model, file=path, repair=repair_lines
        )


def _command(place: Place, path: Path) -> Iterator[Finding]:
    if place.command is None:
        yield UNKNOWN.found(
            f"{path.name} has no flag that is known",
            f"try it: axm1 doctor {shlex.quote(place.name)} --live",
            model=place.name,
            file=path,
        )
        return
    # A script that hands all of its own words on may get the flags from run_cmd.
    passes_on = any({"@", "*"} & set(word.variables) for word in place.command.arguments)
    # Builds that keep a history go on by themselves, and may not know a flag that their script does not have.
    may_lack = passes_on or any(name in place.flags for name in _KEEP_HISTORY)
    for kind, flag in ((LIVE_PRINT, "live_print"), (CONTINUE, "continue")):
        value = place.value(flag)
        if value not in {"1", "true"} and not (may_lack and flag not in place.flags):
            what = f"--{flag} is {value or 'missing'}"
            yield _edited(kind, place, path, what, edits.with_flag(flag, "1"))
    yield from _tokenizer(place, path)
    yield from _prompt(place, path, may_lack=may_lack)
    yield from _process(place, path)


def _edited(kind: Kind, place: Place, path: Path, what: str, edit: Callable[[str], str]) -> Finding:
    return kind.found(what, model=place.name, file=path, repair=Repair(path, edit))


def _tokenizer(place: Place, path: Path) -> Iterator[Finding]:
    inside = place.value("tokenizer_type") in _INSIDE
    needs_none = place.model.tokenizer == "none"
    if inside:
        if not needs_none:
            what = f"--tokenizer_type is {place.value('tokenizer_type')}, the descriptor's tokenizer is "
            yield INSIDE.found(f'{what}"{place.model.tokenizer}"', model=place.name, file=path)
        return
    flag = next((place.flags[name] for name in TOKENIZER_FLAGS if name in place.flags), None)
    if needs_none:
        if flag is not None and "://" in flag.text:
            yield ASKED.found(f"the script says {flag.text}", model=place.name, file=path)
        return
    if flag is not None and (flag.value is None or "AXM1_TOKENIZER_URL" in flag.value.variables):
        return
    address = place.value(flag.name) if flag is not None else ""
    if address is None:
        return  # only the shell can work it out
    if "$1" not in address:
        what = f"the address is {address or 'missing'}"
        yield _edited(ADDRESS, place, path, what, edits.own_address)
    host = address.rpartition("://")[2].rpartition(":")[0].strip("[]")
    if host and host != "localhost" and not _is_number(host):
        yield _edited(HOST, place, path, f"the host is '{host}'", edits.any_address)


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "$" in host
    return True


def _prompt(place: Place, path: Path, *, may_lack: bool) -> Iterator[Finding]:
    flag = place.flags.get("prompt")
    if flag is None or flag.value is None:
        if not may_lack:
            yield _edited(PROMPT, place, path, "--prompt is missing", edits.with_flag("prompt", '"$2"'))
        return
    value = place.value("prompt")
    unquoted = bool(flag.value.unquoted_variables)
    if value is not None and ("$2" not in value or unquoted):
        yield _edited(PROMPT, place, path, f"--prompt is {flag.value.raw}", edits.with_flag("prompt", '"$2"'))


def _process(place: Place, path: Path) -> Iterator[Finding]:
    command = place.command
    if command is None or command.program is None:
        return
    name = command.program.text.rpartition("/")[2].lower()
    if name == "axllm" or (name.startswith("main") and "api" in name):
        yield SERVER.found(f"it starts {name}", model=place.name, file=path)
        return
    behind = place.tidy[command.span.end :].lstrip(" \t")
    before = place.tidy[command.span.start : command.program.span.start].split()
    if command.background or (behind.startswith("|") and not behind.startswith("||")):
        what = f"behind its command stands: {behind.splitlines()[0][:40] or '&'}"
        yield BACKGROUND.found(what, model=place.name, file=path)
        return
    if "sudo" in before:
        yield SUDO.found("sudo stands before the runtime's program", model=place.name, file=path)
        return
    is_last = read_commands(place.tidy)[-1].span == command.span
    if command.exec_word is None and not command.conditional and is_last and not before:
        what = f"{command.program.text} is started without exec"
        yield _edited(EXEC, place, path, what, edits.with_exec)
