"""How the descriptor file was read last, for those who look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Reading:
    """What is in force, and why a newer content is not.

    Attributes:
        file: the file.
        read_at: when what is in force was read, in seconds since the epoch.
        problems: why the file as it is now was refused, one line each; empty: it is in force.
    """

    file: Path
    read_at: float
    problems: tuple[str, ...] = ()
