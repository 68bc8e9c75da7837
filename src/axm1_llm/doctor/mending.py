"""The mends: planned first, shown as a diff, done at once, each with a copy of what was there before."""

from __future__ import annotations

import difflib
import os
import re
import shlex
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from axm1_llm.doctor.place import read_script
from axm1_llm.errors import Axm1Error
from axm1_llm.whole_file import write_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from axm1_llm.doctor.diagnosis import Diagnosis
    from axm1_llm.doctor.findings import Finding
    from axm1_llm.doctor.place import Place

    MayWrite = Callable[[Path], bool]

_BACKUP = ".orig"
_KNOWS_ITS_FOLDER = re.compile(r"\$\{?0\b|BASH_SOURCE")
_NO_FILE_NAME = re.compile(r"[^A-Za-z0-9._-]+")


class MendingError(Axm1Error):
    """A file cannot be mended after all; it is as it was."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is done to one file.

    Attributes:
        file: what is read.
        target: what is written: the file itself, or a copy of it.
        before: its text; "" when only its mode changes.
        after: the mended text.
        mode: the permission bits afterwards.
        ids: of the findings that it mends.
        places: the models whose entry in the descriptor has to name the copy, and by which `run_cmd`.
        may_point: the descriptor may be changed; else its owner has to.
    """

    file: Path
    target: Path
    before: str
    after: str
    mode: int
    ids: tuple[str, ...]
    places: tuple[tuple[Place, str], ...] = ()
    may_point: bool = True

    def diff(self) -> str:
        """A unified diff of the text; "" when only the mode changes."""
        lines = difflib.unified_diff(
            _visible(self.before), _visible(self.after), str(self.file), str(self.target), lineterm=""
        )
        return "\n".join(lines)

    @property
    def summary(self) -> str:
        """What is done, in one line."""
        if self.places:
            names = ", ".join(f"'{place.name}'" for place, _ in self.places)
            pointed = f"name it in the entry of {names}"
            if not self.may_point:
                command, file = self.places[0][1], self.places[0][0].descriptor
                pointed = f'then somebody who may change {file} has to write there: "run_cmd": "{command}"'
            return f"write a mended copy of {self.file} to {self.target}; {pointed}"
        if self.before == self.after:
            return f"chmod +x {shlex.quote(str(self.file))}"
        return f"mend {self.file}; what it was before stays beside it ({self.file.name}{_BACKUP})"


def _visible(text: str) -> list[str]:
    return text.replace("\r", "^M").replace("\ufeff", "<U+FEFF>").removesuffix("\n").split("\n")


def is_ours(path: Path) -> bool:
    """Whether the file and its folder belong to this user, and may be written."""
    try:
        owners = {path.stat().st_uid, path.parent.stat().st_uid}
    except OSError:
        return False
    return owners == {os.geteuid()} and os.access(path.parent, os.W_OK)


def plan(
    diagnosis: Diagnosis, state_folder: Path | None, *, may_write: MayWrite = is_ours
) -> tuple[tuple[Change, ...], tuple[str, ...]]:
    """What to do about the findings that can be mended, and why some of it cannot be done.

    Args:
        diagnosis: what was found.
        state_folder: where copies go when the descriptor's folder is not ours; None: nowhere.
        may_write: whether a file may be changed.
    """
    changes: list[Change] = []
    refusals: list[str] = []
    findings = [finding for finding in diagnosis.findings if finding.repair is not None]
    files = dict.fromkeys(finding.repair.file for finding in findings if finding.repair is not None)
    for file in files:
        own = [finding for finding in findings if finding.repair is not None and finding.repair.file == file]
        change = _in_place(file, own)
        if may_write(file):
            changes.append(change)
            continue
        try:
            changes.append(_copied(change, own, diagnosis, state_folder, may_write))
        except MendingError as refusal:
            refusals.append(str(refusal))
    return tuple(changes), tuple(refusals)


def _in_place(file: Path, findings: Sequence[Finding]) -> Change:
    repairs = [finding.repair for finding in findings if finding.repair is not None]
    edits = [repair.edit for repair in repairs if repair.edit is not None]
    before = after = (read_script(file) or "") if edits else ""
    for edit in edits:
        after = edit(after)
    mode = stat.S_IMODE(file.stat().st_mode)
    if any(repair.executable for repair in repairs):
        mode |= (mode & 0o444) >> 2  # whoever may read it may run it
    ids = tuple(dict.fromkeys(finding.kind.id for finding in findings))
    return Change(file, file, before, after, mode, ids)


def _copied(
    change: Change,
    findings: Sequence[Finding],
    diagnosis: Diagnosis,
    state_folder: Path | None,
    may_write: MayWrite,
) -> Change:
    names = {finding.model for finding in findings}
    places = [place for place in diagnosis.places if place.name in names]
    descriptor = diagnosis.descriptor
    why = f"{change.file} is in a folder that this user may not change"
    if descriptor is None or any(place.script_path != change.file for place in places):
        raise MendingError(f"{why}; its owner can: {change.summary}")
    text = read_script(change.file)
    if text is None or _KNOWS_ITS_FOLDER.search(text):
        raise MendingError(f"{why}, and the script asks for its own folder ($0), so no copy of it would do")
    beside = may_write(descriptor)
    folder = descriptor.parent if beside else state_folder
    if folder is None or (not beside and any(place.is_mapped for place in places)):
        raise MendingError(f"{why}, and {descriptor} is not this user's either; run this as their owner")
    target = folder / f"axm1-{_NO_FILE_NAME.sub('-', places[0].name)}.sh"
    commands = tuple((place, _run_cmd(place, target)) for place in places)
    after = change.after or text
    if not beside and read_script(target) == after:
        words = f'"run_cmd": "{commands[0][1]}"'
        raise MendingError(f"{why}; a mended copy is there already, write in {descriptor}: {words}")
    mode = change.mode | 0o555
    return Change(change.file, target, text, after, mode, change.ids, commands, may_point=beside)


def _run_cmd(place: Place, target: Path) -> str:
    """The `run_cmd` that starts `target`, in the descriptor's own words."""
    program = target
    if place.is_mapped:
        # The descriptor's folder has another name in the container: the same parts stand below both.
        below = len(place.folder.relative_to(target.parent).parts)
        program = Path(*place.written.parts[:-below]) / target.name
    return shlex.join((str(program), *shlex.split(place.model.run_cmd)[1:]))


def apply(change: Change, point_at: Callable[[Path, str, str], None]) -> Path | None:
    """Do it; where the text before is kept, None when there was nothing to keep.

    Args:
        change: what to do.
        point_at: changes `run_cmd` in the descriptor: (file, model, new value).

    Raises:
        MendingError: the file was changed by somebody else since, or cannot be written.
    """
    try:
        return _applied(change, point_at)
    except OSError as failure:
        raise MendingError(f"{failure.filename or change.target}: {failure.strerror}") from None


def _applied(change: Change, point_at: Callable[[Path, str, str], None]) -> Path | None:
    if change.before == change.after and change.target == change.file:
        change.file.chmod(change.mode)
        return None
    if read_script(change.file) != change.before:
        raise MendingError(f"{change.file} was changed just now; look again: axm1 doctor")
    backup = None
    if change.target == change.file:
        backup = next(name for name in _backups(change.file) if not name.exists())
        write_file(backup, _bytes(change.before), mode=stat.S_IMODE(change.file.stat().st_mode), durable=True)
    change.target.parent.mkdir(parents=True, exist_ok=True)
    write_file(change.target, _bytes(change.after), mode=change.mode, durable=True)
    for place, run_cmd in change.places if change.may_point else ():
        point_at(place.descriptor, place.name, run_cmd)
    return backup


def _backups(file: Path) -> Iterator[Path]:
    yield file.with_name(file.name + _BACKUP)
    for number in range(1, 1000):
        yield file.with_name(f"{file.name}{_BACKUP}.{number}")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
