"""What a diagnosis looks like: for a person, and as JSON."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

import click

from axm1_llm.cli.terminal import harmless
from axm1_llm.doctor.card import MIB, readings
from axm1_llm.doctor.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from axm1_llm.doctor.diagnosis import Diagnosis
    from axm1_llm.doctor.findings import Finding
    from axm1_llm.doctor.live import Trial

SCHEMA_VERSION = 1
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
_ORDER = list(Severity)
_LONGEST_ANSWER = 100
_NARROWEST = 30


class Report:
    """Prints a diagnosis for a person.

    Args:
        width: of the terminal, in characters.
        colour: whether to use colours.
    """

    def __init__(self, width: int, *, colour: bool) -> None:
        self._width = max(_NARROWEST, width)
        self._colour = colour

    def text(
        self, diagnosis: Diagnosis, trials: Sequence[Trial] = (), *, fixed: bool = False, arguments: str = ""
    ) -> str:
        """The whole report; its last line says what to do next, see `next_step`."""
        lines = [*self._machine(diagnosis), *self._descriptor(diagnosis), *self._models(diagnosis, trials)]
        lines.append(f"{counted(diagnosis)}.")
        step = next_step(diagnosis, fixed=fixed, tried=bool(trials), arguments=arguments)
        lines.append(harmless(f"Next: {step}").replace("\n", " "))  # one line: a command is copied from it
        return "\n".join(line.rstrip() for line in lines)

    def _machine(self, diagnosis: Diagnosis) -> Iterator[str]:
        machine = diagnosis.machine
        where = " (in a container)" if machine.container else ""
        facts = [f"{machine.architecture}{where}"]
        for card in readings(machine):
            taken, total = card.cmm_used_bytes or 0, card.cmm_total_bytes or 0
            parts = [f"card {card.device}: {card.name}", f"firmware {card.firmware}"]
            if card.temperature_celsius is not None:
                parts.append(f"{card.temperature_celsius:g} °C")
            if total:
                parts.append(f"{(total - taken) // MIB} of {total // MIB} MiB of model memory free")
            facts.append(", ".join(parts))
        own = [found for found in diagnosis.findings if found.area in {"host", "card"}]
        yield from self._group("The machine", facts, own)

    def _descriptor(self, diagnosis: Diagnosis) -> Iterator[str]:
        own = [found for found in diagnosis.findings if found.area == "descriptor" and found.model is None]
        facts = [str(diagnosis.descriptor)] if diagnosis.descriptor else []
        yield from self._group("The descriptor", facts, own)

    def _models(self, diagnosis: Diagnosis, trials: Sequence[Trial]) -> Iterator[str]:
        for place in diagnosis.places:
            own = [found for found in diagnosis.findings if found.model == place.name]
            facts = [f"{place.folder} ({place.generation})" if place.generation else str(place.folder)]
            facts += [_trial(trial) for trial in trials if trial.model == place.name]
            yield from self._group(f"Model '{place.name}'", facts, own)

    def _group(self, title: str, facts: Sequence[str], findings: Sequence[Finding]) -> Iterator[str]:
        yield self._styled(title, bold=True)
        for fact in facts:
            yield from self._wrapped("  ", fact)
        if not findings:
            yield f"  {self._styled('ok', fg='green')}: nothing is wrong"
        ordered = sorted(findings, key=lambda found: _ORDER.index(found.severity))
        for kind in dict.fromkeys(finding.kind for finding in ordered):
            yield from self._kind([finding for finding in ordered if finding.kind == kind])
        yield ""

    def _kind(self, findings: Sequence[Finding]) -> Iterator[str]:
        kind, severity = findings[0].kind, findings[0].severity
        yield f"  {self._styled(severity.value, fg=_COLOURS[severity], bold=True)} {kind.id}"
        yield from self._wrapped("    ", kind.title)
        for finding in findings:
            yield from self._wrapped("    here: ", finding.what)
        yield from self._wrapped("    why:  ", kind.why)
        for mend in dict.fromkeys(finding.mend for finding in findings):
            yield from self._wrapped("    do:   ", mend)

    def _wrapped(self, begin: str, text: str) -> list[str]:
        return textwrap.wrap(
            harmless(text).replace("\n", " "),
            self._width,
            initial_indent=begin,
            subsequent_indent=" " * len(begin),
            break_long_words=False,
            break_on_hyphens=False,
        )

    def _styled(self, text: str, **style: Any) -> str:  # noqa: ANN401 - click's
        return click.style(harmless(text), **style) if self._colour else harmless(text)


def _trial(trial: Trial) -> str:
    load = f"loaded in {trial.load:.1f} s" if trial.load >= 0.1 else "was loaded"  # noqa: PLR2004 - seconds
    answer = " ".join(trial.answer.split())
    shown = answer if len(answer) <= _LONGEST_ANSWER else answer[: _LONGEST_ANSWER - 1] + "…"
    return (
        f"answers: {load}, first token after {trial.first_token:.2f} s, "
        f"{trial.rate:.1f} tokens/s ({trial.tokens} tokens): {shown}"
    )


def counted(diagnosis: Diagnosis) -> str:
    """How many findings of each severity there are."""
    numbers = ((diagnosis.count(severity), severity.value) for severity in Severity)
    return ", ".join(f"{number} {word}{'' if number == 1 else 's'}" for number, word in numbers)


def next_step(diagnosis: Diagnosis, *, fixed: bool = False, tried: bool = False, arguments: str = "") -> str:
    """The one thing to do now.

    Args:
        diagnosis: what was found.
        fixed: what can be mended was mended, or was not to be.
        tried: a running service was asked.
        arguments: what the command was given, to be given again; with a blank before it.
    """
    errors = [found for found in diagnosis.findings if found.severity is Severity.ERROR]
    fixable = sum(found.repair is not None for found in diagnosis.findings)
    if not fixed and any(found.repair is not None for found in errors):
        every = len(diagnosis.findings)
        return (
            f"axm1 doctor --fix{arguments} mends {fixable} of {every} findings; it shows what it does first"
        )
    if errors:
        first = errors[0]
        return f"mend {first.kind.id}{f' ({first.model})' if first.model else ''}: {first.mend}"
    if not diagnosis.places:
        return "add a model to the descriptor"
    if fixable and not fixed:
        return f"nothing has to be done; axm1 doctor --fix{arguments} tidies {fixable}; start: axm1 serve"
    if tried:
        return f"nothing has to be done; chat with it: axm1 run {diagnosis.places[0].name}"
    return f"axm1 serve starts the models; then: axm1 doctor --live{arguments} asks them something"


def as_json(
    diagnosis: Diagnosis,
    trials: Sequence[Trial] = (),
    mended: Sequence[dict[str, Any]] = (),
    *,
    arguments: str = "",
) -> str:
    """The diagnosis for a program; `docs/reference/doctor.md` describes it."""
    return json.dumps(
        {
            "version": SCHEMA_VERSION,
            "healthy": diagnosis.is_healthy,
            "descriptor": str(diagnosis.descriptor) if diagnosis.descriptor else None,
            "models": [place.name for place in diagnosis.places],
            "counts": {severity.value: diagnosis.count(severity) for severity in Severity},
            "findings": [_object(finding) for finding in diagnosis.findings],
            "mended": list(mended),
            "live": [
                {
                    "model": trial.model,
                    "load_seconds": round(trial.load, 3),
                    "first_token_seconds": round(trial.first_token, 3),
                    "tokens": trial.tokens,
                    "tokens_per_second": round(trial.rate, 2),
                    "answer": trial.answer,
                }
                for trial in trials
            ],
            "next": next_step(diagnosis, fixed=bool(mended), tried=bool(trials), arguments=arguments),
        },
        indent=2,
    )


def _object(finding: Finding) -> dict[str, object]:
    return {
        "id": finding.kind.id,
        "severity": finding.severity.value,
        "model": finding.model,
        "file": str(finding.file) if finding.file else None,
        "title": finding.kind.title,
        "what": finding.what,
        "why": finding.kind.why,
        "mend": finding.mend,
        "fixable": finding.repair is not None,
    }
