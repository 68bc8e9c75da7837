"""Deletes a model's folder from the disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from axm1_llm.folder.read import FolderError

if TYPE_CHECKING:
    from collections.abc import Iterable


def delete_folder(folder: Path, keep: Iterable[Path]) -> None:
    """Delete a model's folder with all that is in it; of a link to a folder only the link.

    Args:
        folder: the model's; absolute.
        keep: files and folders that must not go with it: the descriptor file, other models' folders.

    Raises:
        FolderError: something to keep is in it, or it cannot be deleted; then it may be gone in part.
    """
    inner = folder.resolve()
    for path in (*keep, Path.home(), Path.cwd()):
        other = path.resolve()
        if other == inner or inner in other.parents:
            raise FolderError(f"'{folder}' is not deleted: '{path}' is in it; delete by hand what can go")
    try:
        if folder.is_symlink():
            folder.unlink()
        else:
            shutil.rmtree(folder)
    except OSError as error:
        why = f"{error.strerror or error} ('{error.filename}')"
        raise FolderError(f"'{folder}' could not be deleted, or not all of it: {why}") from None


def folder_size(folder: Path) -> int:
    """The bytes of all files in a folder, as far as they can be looked at."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(place) / name).lstat().st_size
            except OSError:
                continue
    return total
