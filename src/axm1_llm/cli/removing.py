"""`axm1 remove`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from axm1_llm.cli.completing import complete_model
from axm1_llm.cli.descriptor_file import descriptor_option
from axm1_llm.cli.exits import Exit
from axm1_llm.cli.root import MODELS
from axm1_llm.cli.terminal import harmless, is_terminal
from axm1_llm.descriptors import find_descriptor, load_descriptors
from axm1_llm.folder.adding import Removed, remove_model
from axm1_llm.folder.deleting import delete_folder, folder_size
from axm1_llm.folder.read import FolderError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_GIGA = 1e9


@click.command("remove", help=f"{MODELS['remove']} Its files stay, unless --delete-files says otherwise.")
@click.argument("model", shell_complete=complete_model)
@descriptor_option("The descriptor file. Default: the first of the usual places that has one.")
@click.option("--delete-files", is_flag=True, help="Delete the model's folder too; asks before it does.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def remove(model: str, descriptor: Path | None, *, delete_files: bool, yes: bool) -> None:
    """Take a model's entry out of the descriptor file."""
    asks = is_terminal() and sys.stdin.isatty() and not yes
    if delete_files and not asks and not yes:
        raise click.UsageError(
            "--delete-files asks before it deletes, and nobody is there to answer; add --yes"
        )
    file = find_descriptor(descriptor)
    found = remove_model(model, file, dry_run=True)
    click.echo(harmless(f"The entry of '{found.model.model_name}' in {file}:\n\n{found.text.rstrip()}\n"))
    folder = found.model.model_path
    if delete_files and found.shared:
        names = ", ".join(found.shared)
        raise FolderError(f"'{folder}' is the folder of other models too ({names}); remove those first")
    if asks and not click.confirm("Remove it?", default=True):
        click.get_current_context().exit(Exit.ERROR)
    removed = remove_model(model, file)
    click.echo(harmless(f"Removed '{removed.model.model_name}' from {file}."))
    if not delete_files:
        click.echo(harmless(_what_stays(removed)))
        return
    if asks and not click.confirm(f"Delete '{folder}' ({_size(folder)}) for ever?"):
        click.echo(harmless(_what_stays(removed)))
        return
    delete_folder(folder, _to_keep(file))
    click.echo(harmless(f"Deleted '{folder}'."))


def _what_stays(removed: Removed) -> str:
    folder = removed.model.model_path
    return f"Its files stay in '{folder}'." if folder.exists() else f"Its folder '{folder}' is not there."


def _to_keep(file: Path) -> Iterator[Path]:
    yield file
    for model in load_descriptors(file).models:
        yield from (model.model_path, model.tokenizer_path)


def _size(folder: Path) -> str:
    return f"{folder_size(folder) / _GIGA:.1f} GB"
