"""The option that names the descriptor file, for commands that read or change it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from axm1_llm.errors import DescriptorError

if TYPE_CHECKING:
    from collections.abc import Callable


def descriptor_option(help_text: str) -> Callable[[Any], Any]:
    """`--descriptor FILE`, as the services have it."""
    return click.option(
        "--descriptor",
        metavar="FILE",
        type=click.Path(path_type=Path),
        envvar="AXM1_DESCRIPTOR",
        show_envvar=True,
        help=help_text,
    )


def file_to_write(named: Path | None, folder: Path) -> Path:
    """The descriptor file that gets a model; it may not be there yet.

    Args:
        named: a file, or the folder that holds it or shall hold it; None: the first of the usual places that
            has one, else a new one beside the model's folder.
        folder: the model's.
    """
    # Imported here: who only has the option needs no reader of the file.
    from axm1_llm.descriptors.find import FILE_NAMES, find_descriptor  # noqa: PLC0415

    try:
        return find_descriptor(named)
    except DescriptorError:
        place = folder.absolute().parent if named is None else named.absolute()
        return place / FILE_NAMES[0]
