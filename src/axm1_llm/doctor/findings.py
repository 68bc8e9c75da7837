"""What can be wrong (`Kind`), what is wrong here (`Finding`), and how a file is mended (`Repair`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Severity(StrEnum):
    """How much a finding matters; the worst one stands first."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Repair:
    """How one file is mended.

    Attributes:
        file: which.
        edit: its text → the mended text; the same when nothing is wrong with it. None: the text is fine.
        executable: it needs its run bit.
    """

    file: Path
    edit: Callable[[str], str] | None = None
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """One thing that can be wrong.

    Attributes:
        id: ``area.name``; stays the same in all versions.
        severity: how much it matters.
        title: what is wrong.
        why: why it matters.
        mend: what to do, in general.
        fixable: ``--fix`` can mend it.
    """

    id: str
    severity: Severity
    title: str
    why: str
    mend: str
    fixable: bool = False

    def found(
        self,
        what: str,
        mend: str | None = None,
        *,
        model: str | None = None,
        file: Path | None = None,
        repair: Repair | None = None,
    ) -> Finding:
        """A finding of this kind.

        Args:
            what: what is wrong here, with the names and numbers.
            mend: what to do here; None: the kind's own words fit.
            model: the model that has it; None: it is the machine's, or the whole descriptor's.
            file: where it is.
            repair: how ``--fix`` mends it; None: it cannot here.
        """
        return Finding(self, what, mend or self.mend, self.severity, model, file, repair)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong; see `Kind.found`.

    Attributes:
        severity: the kind's, or less where nothing here needs what is missing.
    """

    kind: Kind
    what: str
    mend: str
    severity: Severity
    model: str | None = None
    file: Path | None = None
    repair: Repair | None = None

    @property
    def area(self) -> str:
        """The first part of the id."""
        return self.kind.id.partition(".")[0]


def error(name: str, title: str, why: str, mend: str, *, fixable: bool = False) -> Kind:
    """A kind of error: something does not work."""
    return Kind(name, Severity.ERROR, title, why, mend, fixable)


def warning(name: str, title: str, why: str, mend: str, *, fixable: bool = False) -> Kind:
    """A kind of warning: something works badly, or not always."""
    return Kind(name, Severity.WARNING, title, why, mend, fixable)


def note(name: str, title: str, why: str, mend: str, *, fixable: bool = False) -> Kind:
    """A kind of note: good to know, nothing has to be done."""
    return Kind(name, Severity.NOTE, title, why, mend, fixable)
