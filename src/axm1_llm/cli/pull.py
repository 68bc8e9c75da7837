"""`axm1 pull`."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import click

from axm1_llm.cli.descriptor_file import descriptor_option
from axm1_llm.cli.root import MODELS
from axm1_llm.cli.terminal import harmless, is_terminal, show
from axm1_llm.descriptors.find import FILE_NAMES, find_descriptor
from axm1_llm.hub.catalogue import catalogue
from axm1_llm.hub.pulling import pull
from axm1_llm.hub.reference import EXPECTED_REFERENCE, read_reference

if TYPE_CHECKING:
    from pathlib import Path

    from axm1_llm.cli.pull_progress import PullDisplay

_HELP = f"""{MODELS["pull"]}

REFERENCE is {EXPECTED_REFERENCE}. The model's folder comes
beside the descriptor file, and a service that reads that file has the model at once. Needs no running
service. What an interrupted pull has fetched is kept, and gone on with.

Environment: HF_ENDPOINT (the hub's address), HF_TOKEN (for private and gated models), HF_HOME."""


@click.command("pull", help=_HELP)
@click.argument("reference", required=False)
@click.option("--revision", metavar="REVISION", help="A branch, tag or commit. Default: the newest.")
@click.option("--name", metavar="NAME", help="The model's name here. Default: REFERENCE.")
@descriptor_option("The descriptor file, or its folder; made where it is missing. Default: the usual places.")
@click.option("--list", "listing", is_flag=True, help="Show the names of the catalogue, and pull nothing.")
def pull_model(
    *, reference: str | None, revision: str | None, name: str | None, descriptor: Path | None, listing: bool
) -> None:
    """Download a model and describe it."""
    if listing:
        _list()
        return
    if reference is None:
        raise click.UsageError("name a model to pull; --list shows the catalogue")
    wanted = read_reference(reference, revision=revision, name=name)
    file = _file(descriptor)
    with _display() as display:
        pulled = asyncio.run(pull(wanted, file, os.environ, display.tell))
    for other in display.others:
        click.echo(
            f"left out: {harmless(other)} (to have that one, name it as {wanted.repo}:VARIANT)", err=True
        )
    click.echo(f"{pulled} is in {file.parent / wanted.folder}; ask it with: axm1 run {pulled}")


def _file(descriptor: Path | None) -> Path:
    """The descriptor file to write: like the services find it, but one that is named may be missing yet."""
    if descriptor is None or descriptor.is_file():
        return find_descriptor(descriptor)
    if any((descriptor / name).is_file() for name in FILE_NAMES):
        return find_descriptor(descriptor)
    return (descriptor if descriptor.suffix == ".json" else descriptor / FILE_NAMES[0]).absolute()


def _list() -> None:
    from axm1_llm.cli import drawing  # noqa: PLC0415 - rich is for commands that draw

    show(drawing.draw_catalogue(catalogue()))


def _display() -> PullDisplay:
    from axm1_llm.cli import pull_progress  # noqa: PLC0415 - rich is for commands that draw

    return pull_progress.PullBar() if is_terminal() else pull_progress.PullLines()
