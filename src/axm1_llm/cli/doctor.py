"""`axm1 doctor`."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from axm1_llm.cli.connected import connection_options, open_client
from axm1_llm.cli.descriptor_file import descriptor_option
from axm1_llm.cli.doctor_report import Report, as_json
from axm1_llm.cli.exits import Exit
from axm1_llm.cli.root import HOST
from axm1_llm.cli.terminal import harmless, is_terminal
from axm1_llm.doctor.diagnosis import Diagnosis, diagnose
from axm1_llm.doctor.live import Trial, try_model
from axm1_llm.doctor.mending import Change, apply, plan
from axm1_llm.doctor.pointing import point_at

if TYPE_CHECKING:
    from collections.abc import Sequence

_PIPE_WIDTH = 100


@click.command("doctor", help=f"{HOST['doctor']} With MODEL: of that model only.")
@click.argument("model", required=False)
@descriptor_option("The descriptor file, or its folder. Default: the first of the usual places that has one.")
@click.option("--fix", is_flag=True, help="Mend what is safe to mend; shows it first, and asks.")
@click.option("--yes", "-y", is_flag=True, help="With --fix: do not ask.")
@click.option(
    "--live", is_flag=True, help="Load each model through the running service and ask it something."
)
@click.option("--json", "json_wanted", is_flag=True, help="Print the findings for a program.")
@connection_options
def doctor(
    model: str | None,
    descriptor: Path | None,
    *,
    fix: bool,
    yes: bool,
    live: bool,
    json_wanted: bool,
    **connection: Any,  # noqa: ANN401 - click's
) -> None:
    """Look at everything, and say what is wrong."""
    if fix and not yes and (json_wanted or not sys.stdin.isatty()):
        raise click.UsageError("--fix asks before it writes, and nobody is there to answer; add --yes")
    names = (model,) if model else ()
    diagnosis = diagnose(descriptor, names)
    mended: list[dict[str, Any]] = []
    if fix:
        mended = _mend(diagnosis, ask=not yes, quiet=json_wanted)
        if mended:
            diagnosis = diagnose(descriptor, names)
    trials: list[Trial] = []
    if live:
        diagnosis, trials = _try(diagnosis, connection)
    again = _arguments(model, descriptor)
    if json_wanted:
        click.echo(as_json(diagnosis, trials, mended, arguments=again))
    else:
        width = shutil.get_terminal_size((_PIPE_WIDTH, 24)).columns if is_terminal() else _PIPE_WIDTH
        click.echo(Report(width, colour=is_terminal()).text(diagnosis, trials, fixed=fix, arguments=again))
    click.get_current_context().exit(Exit.OK if diagnosis.is_healthy else Exit.ERROR)


def _mend(diagnosis: Diagnosis, *, ask: bool, quiet: bool) -> list[dict[str, Any]]:
    changes, refusals = plan(diagnosis, _state_folder())
    for refusal in refusals:
        click.echo(f"Not mended: {harmless(refusal)}", err=True)
    if not quiet:
        _show(changes)
    if not changes or (ask and not click.confirm(f"Do this ({len(changes)})?")):
        return []
    mended = []
    for change in changes:
        backup = apply(change, point_at)
        mended.append(
            {
                "file": str(change.file),
                "written": str(change.target),
                "backup": str(backup) if backup else None,
                "ids": list(change.ids),
            }
        )
    if not quiet:
        click.echo(f"Done ({len(changes)}).\n")
    return mended


def _show(changes: Sequence[Change]) -> None:
    for change in changes:
        click.echo(harmless(change.summary))
        diff = harmless(change.diff())
        if diff:
            click.echo(diff)
        click.echo()


def _try(diagnosis: Diagnosis, connection: dict[str, Any]) -> tuple[Diagnosis, list[Trial]]:
    findings, trials = [], []
    with open_client(**connection) as client:
        for place in diagnosis.places:
            result = try_model(place.name, client.stream)
            if isinstance(result, Trial):
                trials.append(result)
            else:
                findings.append(result)
    return diagnosis.with_findings(findings), trials


def _arguments(model: str | None, descriptor: Path | None) -> str:
    """What a second call has to be given to look at the same."""
    words = [model] if model else []
    if descriptor is not None and "AXM1_DESCRIPTOR" not in os.environ:
        words += ["--descriptor", str(descriptor)]
    return "".join(f" {shlex.quote(word)}" for word in words)


def _state_folder() -> Path | None:
    """Where a copy goes when the descriptor's folder is not ours: ``XDG_STATE_HOME`` or its default."""
    base = os.environ.get("XDG_STATE_HOME") or f"{os.environ.get('HOME', '')}/.local/state"
    folder = Path(base, "axm1-llm", "scripts")
    return folder if folder.is_absolute() and (base != "/.local/state") else None
