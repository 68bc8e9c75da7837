"""`axm1 add`."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from axm1_llm.cli.descriptor_file import descriptor_option, file_to_write
from axm1_llm.cli.exits import Exit
from axm1_llm.cli.root import MODELS, axm1
from axm1_llm.cli.terminal import harmless, is_terminal
from axm1_llm.folder.adding import Added, add_folder

if TYPE_CHECKING:
    from axm1_llm.folder.entry import Entry

_PIPE_WIDTH = 100
_KEY_WIDTH = 28


@click.command(
    "add", help=f"{MODELS['add']} Says where each value comes from, and what is wrong with the model."
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", metavar="NAME", help="What clients call the model. Default: as its folder.")
@click.option(
    "--script", metavar="FILE", help="The run script in the folder. Default: the one for this host."
)
@descriptor_option(
    "The descriptor file. Default: the first of the usual places that has one, else a new one beside FOLDER."
)
@click.option("--fix", is_flag=True, help="Mend at once what is wrong and safe to mend.")
@click.option("--dry-run", is_flag=True, help="Write nothing: show the entry.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def add(
    folder: Path,
    name: str | None,
    script: str | None,
    descriptor: Path | None,
    *,
    fix: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Write an entry for a model's folder."""
    asks = is_terminal() and sys.stdin.isatty() and not yes
    if fix and not asks and not yes:
        raise click.UsageError("--fix asks before it writes, and nobody is there to answer; add --yes")
    file = file_to_write(descriptor, folder)
    planned = add_folder(folder, file, name=name, script=script, dry_run=True)
    if planned.entry is None:
        click.echo(f"'{planned.folder}' is in {file} already, as the model '{planned.name}'.")
    else:
        _show(planned, planned.entry)
    if dry_run:
        if planned.entry is not None:
            click.echo(f"\n{json.dumps(planned.entry.values, indent=2, ensure_ascii=False)}")
        return
    if planned.entry is not None:
        if asks and not click.confirm(f"\nAdd it to {file}?", default=True):
            click.get_current_context().exit(Exit.ERROR)
        added = add_folder(folder, file, name=name, script=script)
        click.echo(harmless(f"\n{_told(added)}"))
    _examine(planned.name, file, fix=fix or asks, yes=yes)


def _told(added: Added) -> str:
    file = added.descriptor_file
    if added.is_new_file:
        serve = shlex.join(("axm1", "serve", "--descriptor", str(file)))
        return f"Added '{added.name}' to the new file {file}. `{serve}` serves it."
    return f"Added '{added.name}' to {file}. A service that runs with that file has it at once."


def _show(added: Added, entry: Entry) -> None:
    click.echo(harmless(f"The model in '{added.folder}':\n"))
    width = shutil.get_terminal_size((_PIPE_WIDTH, 24)).columns if is_terminal() else 0
    for finding in entry.findings:
        value = "-" if finding.value is None else finding.value
        shown = value if isinstance(value, str) else json.dumps(value)
        line = f"  {finding.key:{_KEY_WIDTH}} {shown}"
        source = f"({finding.source})"
        if width and len(line) + len(source) >= width:
            source = f"\n  {'':{_KEY_WIDTH}} {source}"
        click.echo(harmless(line) + click.style(" " + harmless(source).lstrip(" "), dim=True))
    for note in entry.notes:
        click.echo(harmless(f"\n  Note: {note}"))


def _examine(name: str, file: Path, *, fix: bool, yes: bool) -> None:
    """Have the doctor look at the model; what it finds does not undo that the model was added."""
    context = click.get_current_context()
    doctor = axm1.get_command(context, "doctor")
    if doctor is None:
        return
    click.echo()
    try:
        context.invoke(doctor, model=name, descriptor=file, fix=fix, yes=yes)
    except click.exceptions.Exit as end:
        if end.exit_code not in {Exit.OK, Exit.ERROR}:
            raise
