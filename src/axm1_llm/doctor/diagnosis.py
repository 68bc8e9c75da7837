"""All checks over all models: `diagnose`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from axm1_llm.descriptors import find_descriptor, load_descriptors
from axm1_llm.doctor.card import check_cards
from axm1_llm.doctor.descriptor import check_descriptor, check_failure
from axm1_llm.doctor.files import check_files
from axm1_llm.doctor.findings import Severity
from axm1_llm.doctor.host import check_host, works_so_far
from axm1_llm.doctor.machine import Machine, look_at_machine
from axm1_llm.doctor.place import Place, place_of
from axm1_llm.doctor.script import check_script
from axm1_llm.doctor.tokenizer import check_tokenizer
from axm1_llm.errors import DescriptorError, ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from axm1_llm.doctor.findings import Finding

_OF_THE_CARD = frozenset({"host", "card"})


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was looked at, and what is wrong.

    Attributes:
        machine: its facts.
        descriptor: the file that was read; None: there is none.
        places: the models that were looked at.
        findings: the machine's first, then the descriptor's, then each model's.
    """

    machine: Machine
    descriptor: Path | None
    places: tuple[Place, ...]
    findings: tuple[Finding, ...]

    def count(self, severity: Severity) -> int:
        """How many findings of that severity there are."""
        return sum(finding.severity is severity for finding in self.findings)

    @property
    def is_healthy(self) -> bool:
        """Nothing is an error."""
        return not self.count(Severity.ERROR)

    def with_findings(self, more: Sequence[Finding]) -> Diagnosis:
        """The same, and what else was found."""
        return replace(self, findings=(*self.findings, *more))


def diagnose(
    descriptor: Path | None, models: Sequence[str] = (), *, machine: Machine | None = None
) -> Diagnosis:
    """Look at the machine, the descriptor and the models. Changes nothing.

    Args:
        descriptor: the descriptor file or its folder; None: it is looked for in the usual places.
        models: the names of those to look at; empty: all.
        machine: its facts; None: they are gathered now.

    Raises:
        ModelNotFoundError: the descriptor has no model of such a name.
    """
    machine = machine or look_at_machine()
    file: Path | None = None
    try:
        file = find_descriptor(descriptor)
        described = load_descriptors(file)
    except DescriptorError as failure:
        findings = check_failure(failure, file)
        return Diagnosis(machine, file, (), (*_machine(machine, needed=True), *findings))
    chosen = described.models
    if models:
        if missing := next((name for name in models if described.find(name) is None), None):
            raise ModelNotFoundError(missing)
        chosen = tuple(model for model in described.models if any(model.answers_to(name) for name in models))
    places = tuple(place_of(model, file) for model in chosen)
    needed = not places or any(place.uses_card for place in places)
    of_models = [finding for place in places for finding in _model(place, machine)]
    return Diagnosis(
        machine,
        file,
        places,
        (*_machine(machine, needed=needed), *check_descriptor(places, file), *of_models),
    )


def _machine(machine: Machine, *, needed: bool) -> tuple[Finding, ...]:
    findings = check_host(machine)
    if works_so_far(machine):
        findings += check_cards(machine)
    if needed:
        return findings
    # No model of this descriptor runs on a card: what would stop one is good to know, no more.
    return tuple(replace(finding, severity=Severity.NOTE) for finding in findings)


def _model(place: Place, machine: Machine) -> tuple[Finding, ...]:
    if not place.folder.is_dir():
        return ()
    return (*check_script(place), *check_files(place, machine), *check_tokenizer(place, machine))
