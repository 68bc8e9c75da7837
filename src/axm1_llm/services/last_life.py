"""What a service's last life may have left in files, and where it kept its mark."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from axm1_llm import whole_file
from axm1_llm.engine.pictures import remove_stale_pictures
from axm1_llm.metrics.textfile import FILE_PATTERN

if TYPE_CHECKING:
    from pathlib import Path

    from axm1_llm.settings import Settings


def mark_file(settings: Settings, service: str, host: str, port: int) -> Path | None:
    """The file for the mark of a service's children; see `leftovers`.

    None for port 0: nothing tells which of several services with any free port the last life was.
    """
    if port == 0:
        return None
    place = re.sub(r"[^\w.:-]", "_", host)
    return settings.state_dir / f"{service}-{place}-{port}.mark"


def remove_drafts(settings: Settings) -> None:
    """Remove pictures, and what was half written, when the last life was killed."""
    remove_stale_pictures()
    whole_file.remove_drafts(settings.variants_file.parent, settings.variants_file.name)
    if settings.metrics_dir is not None:
        whole_file.remove_drafts(settings.metrics_dir, FILE_PATTERN)
