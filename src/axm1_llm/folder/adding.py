"""Adds a model's folder to the descriptor file, and takes a model out of it."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from typing import TYPE_CHECKING

from axm1_llm.descriptors import Descriptors, ModelDescriptor, parse_descriptors, same_name
from axm1_llm.descriptors.document import read_content
from axm1_llm.descriptors.editing import EMPTY, entry_text, with_entry, without_entry
from axm1_llm.errors import DescriptorError, ModelNotFoundError
from axm1_llm.folder.entry import Entry, Wanted, describe
from axm1_llm.folder.host import this_machine
from axm1_llm.folder.read import FolderError, read_folder
from axm1_llm.whole_file import write_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FIRST_PORT, _LAST_PORT = 12345, 13344  # the first is the one that the vendor's scripts name
_NEW_FILE_MODE = 0o644


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a folder.

    Attributes:
        name: of the model in the descriptor file.
        descriptor_file: the file; absolute.
        folder: the model's folder; absolute.
        entry: what was worked out; None: the folder was there already.
        is_written: the file has it now; false also for a trial, and where it was there already.
        is_new_file: there was no such file before.
    """

    name: str
    descriptor_file: Path
    folder: Path
    entry: Entry | None
    is_written: bool
    is_new_file: bool

    @property
    def was_there(self) -> bool:
        """The file had the folder before."""
        return self.entry is None


@dataclass(frozen=True, slots=True)
class Removed:
    """An entry that was taken out.

    Attributes:
        model: what it described.
        text: what was taken out of the file, comments and all.
        shared: other models of the file whose folder is the same.
    """

    model: ModelDescriptor
    text: str
    shared: tuple[str, ...]


def add_folder(
    folder: Path,
    descriptor_file: Path,
    *,
    name: str | None = None,
    script: str | None = None,
    machine: str | None = None,
    dry_run: bool = False,
) -> Added:
    """Write an entry for a model's folder into the descriptor file; all else in that stays as it is.

    Args:
        folder: as its vendor publishes it.
        descriptor_file: made when it is missing.
        name: of the model; None: the folder says it.
        script: the run script's file name; None: the one for this host.
        machine: the host's, as `this_machine` says it; None: this one.
        dry_run: write nothing.

    Raises:
        FolderError: the folder cannot be added; the text says why and what to do.
        DescriptorError: the file cannot be used as it is, would not be usable, or cannot be written.
    """
    file = _real(descriptor_file)
    found = read_folder(folder)
    if not _is_text(str(found.path)):
        raise FolderError(f"the name of '{str(found.path)!a}' is no UTF-8, so no file can name it; rename it")
    with _locked(file.parent, dry_run=dry_run):
        content = read_content(file) if file.exists() else None
        before = Descriptors(file, ()) if content is None else parse_descriptors(content, file)
        there = _already(before, found.path, script)
        if there is not None:
            return Added(there.model_name, file, found.path, None, is_written=False, is_new_file=False)
        wanted = Wanted(
            name=name,
            script=script,
            machine=machine or this_machine(),
            written_path=_written(found.path, file.parent),
            free_port=lambda: _free_port(before),
        )
        entry = describe(found, wanted)
        _refuse_taken_name(before, entry.name)
        text = EMPTY if content is None else content.decode("utf-8")
        after = with_entry(text, entry.values).encode()
        _check(before, parse_descriptors(after, file), file)
        if not dry_run:
            _write(file, after)
    return Added(entry.name, file, found.path, entry, is_written=not dry_run, is_new_file=content is None)


def remove_model(name: str, descriptor_file: Path, *, dry_run: bool = False) -> Removed:
    """Take a model's entry out of the descriptor file; its folder stays, and so does all else in the file.

    Args:
        name: or an alias of it.
        descriptor_file: the file.
        dry_run: only say what would go.

    Raises:
        ModelNotFoundError: no entry has that name.
        DescriptorError: the file cannot be used as it is, or cannot be written.
    """
    file = _real(descriptor_file)
    with _locked(file.parent, dry_run=dry_run):
        content = read_content(file)
        before = parse_descriptors(content, file)
        model = before.find(name)
        if model is None:
            raise ModelNotFoundError(name)
        text, index = content.decode("utf-8"), before.models.index(model)
        after = without_entry(text, index).encode()
        left = tuple(each for each in before.models if each is not model)
        _check(Descriptors(file, left), parse_descriptors(after, file), file)
        if not dry_run:
            _write(file, after)
    shared = tuple(each.model_name for each in left if _same_folder(each.model_path, model.model_path))
    return Removed(model, entry_text(text, index), shared)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _real(file: Path) -> Path:
    # A link stays a link: what it points to is written.
    try:
        return file.absolute().resolve() if file.is_symlink() else file.absolute()
    except (OSError, RuntimeError):
        return file.absolute()


@contextmanager
def _locked(folder: Path, *, dry_run: bool) -> Iterator[None]:
    """Only one of us changes a file of that folder at a time."""
    if dry_run:
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise DescriptorError(str(folder), (f"the folder cannot be used: {error.strerror}",)) from None
    try:
        flock(descriptor, LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _already(descriptors: Descriptors, folder: Path, script: str | None) -> ModelDescriptor | None:
    """The entry that has the folder, and where a script was named, that script."""
    for model in descriptors.models:
        if _same_folder(model.model_path, folder) and (
            script is None or script.removeprefix("./") in model.run_cmd
        ):
            return model
    return None


def _same_folder(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one == other


def _written(folder: Path, base: Path) -> str:
    # Relative where it can be: the same file then serves a container, where the folders have other parents.
    return str(folder.relative_to(base)) if base in folder.parents else str(folder)


def _free_port(descriptors: Descriptors) -> int:
    taken = {model.tokenizer_port for model in descriptors.models}
    for port in range(_FIRST_PORT, _LAST_PORT + 1):
        if port not in taken and _nobody_listens(port):
            return port
    raise FolderError(f"every port from {_FIRST_PORT} to {_LAST_PORT} is taken; write the entry by hand")


def _nobody_listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _refuse_taken_name(descriptors: Descriptors, name: str) -> None:
    other = next((model for model in descriptors.models for own in model.names if same_name(own, name)), None)
    if other is not None:
        raise FolderError(
            f"'{name}' is the name of another model, in '{other.model_path}'; "
            "give this one another name with --name"
        )


def _check(expected: Descriptors, found: Descriptors, file: Path) -> None:
    """Refuse a text in which another entry is not what it was; it would be a fault of ours."""
    if found.models[: len(expected.models)] != expected.models:
        raise DescriptorError(str(file), ("it could not be changed without touching other entries",))


def _write(file: Path, content: bytes) -> None:
    try:
        was = file.stat() if file.exists() else None
        write_file(file, content, mode=was.st_mode & 0o7777 if was else _NEW_FILE_MODE, durable=True)
        if was is not None and was.st_uid != os.geteuid():
            with suppress(PermissionError):
                os.chown(file, was.st_uid, was.st_gid)  # with `sudo` the file stays its owner's
    except OSError as error:
        raise DescriptorError(
            str(file), (f"the file cannot be written: {error.strerror or error}",)
        ) from None
