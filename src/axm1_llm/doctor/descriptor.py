"""Checks of the descriptor file itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axm1_llm.doctor.findings import Kind, error, note, warning

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from axm1_llm.doctor.findings import Finding
    from axm1_llm.doctor.place import Place
    from axm1_llm.errors import DescriptorError

_OWN_PORTS = {11535: "the llm-service", 8101: "the tokenizer-service"}

NOT_FOUND = error(
    "descriptor.not-found",
    "There is no descriptor file.",
    "It names the models; without it the services do not start.",
    "name yours with --descriptor FILE or the variable AXM1_DESCRIPTOR; "
    "a new one: see the how-to 'Add a model'",
)
REFUSED = error(
    "descriptor.refused",
    "The descriptor file has a mistake.",
    "The services do not start with it, and while they run they keep to what it was before.",
    "correct what the line names; every key is in the reference of the descriptor",
)
EMPTY = warning(
    "descriptor.empty",
    "The descriptor file names no model.",
    "The services start, but there is nothing to ask.",
    "add a model: see the how-to 'Add a model'",
)
FOLDER = error(
    "descriptor.folder-missing",
    "A model's folder is not there.",
    "The model is started in its folder.",
    "correct `model_path`; a relative one starts at the descriptor's own folder. "
    "In a container: mount the folder",
)
CONTAINER_PATHS = note(
    "descriptor.container-paths",
    "The descriptor has the paths of a container.",
    "Here the folders are elsewhere; they were looked for beside the descriptor. "
    "`axm1 serve` on this machine would not find them.",
    "nothing, if the services run in containers",
)
SERVICE_PORT = warning(
    "descriptor.service-port",
    "A model's `tokenizer_port` is the port of one of the services.",
    "Two programs cannot listen at one port.",
    "give the model another `tokenizer_port`",
)
KINDS: tuple[Kind, ...] = (NOT_FOUND, REFUSED, EMPTY, FOLDER, CONTAINER_PATHS, SERVICE_PORT)


def check_failure(error_: DescriptorError, file: Path | None) -> tuple[Finding, ...]:
    """The findings of a descriptor that cannot be used; `file` is None when there is none."""
    if file is None or not file.exists():
        return (NOT_FOUND.found(error_.problems[0], file=file),)  # what follows says what to do, as `do` does
    return tuple(REFUSED.found(problem, file=file) for problem in error_.problems)


def check_descriptor(places: Sequence[Place], file: Path) -> tuple[Finding, ...]:
    """What is wrong with a descriptor that can be used."""
    if not places:
        return (EMPTY.found("the list is empty", file=file),)
    mapped = [place for place in places if place.is_mapped]
    findings = []
    if mapped:
        what = f"{mapped[0].written} is {mapped[0].folder} here"
        findings.append(CONTAINER_PATHS.found(what, file=file))
    for place in places:
        port = place.model.tokenizer_port
        if not place.folder.is_dir():
            findings.append(FOLDER.found(f"{place.folder} is no folder", model=place.name, file=file))
        if port in _OWN_PORTS and place.model.tokenizer != "none":
            what = f"tokenizer_port {port} is the port of {_OWN_PORTS[port]}"
            findings.append(SERVICE_PORT.found(what, model=place.name, file=file))
    return tuple(findings)
