"""Describes a model that was pulled, and mends the faults that its run script is published with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axm1_llm.doctor.diagnosis import diagnose
from axm1_llm.doctor.mending import apply, plan
from axm1_llm.doctor.pointing import point_at
from axm1_llm.folder.adding import add_folder

if TYPE_CHECKING:
    from pathlib import Path


def add_pulled(folder: Path, descriptor: Path, name: str) -> str:
    """Add a pulled folder to the descriptor file, unless it stands there already; the model's name there.

    Raises:
        FolderError: nothing in the folder says how the model is run, or the name is another model's.
        DescriptorError: the file cannot be used, or not be written.
        MendingError: the run script cannot be written.
    """
    added = add_folder(folder, descriptor, name=name)
    changes, _ = plan(diagnose(added.descriptor_file, (added.name,)), None, may_write=lambda _: True)
    for change in changes:
        if folder in change.target.parents:  # what was downloaded, and nothing else
            apply(change, point_at)
    return added.name
