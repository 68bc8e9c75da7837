"""The commands that start services. Their options are the fields of `Settings`, so none can be forgotten."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from axm1_llm.durations import EXPECTED_DURATION
from axm1_llm.settings import Settings, load_settings, options, unread_variables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from axm1_llm.settings import Option

_EPILOG = f"""\b
A flag goes before its AXM1_ variable, that before the others, they before the default.
A variable with several values has commas between them.
DURATION is {EXPECTED_DURATION}."""


def service_command(name: str, summary: str) -> click.Command:
    """The command that runs a service until it is told to leave."""

    def run(**flags: object) -> None:
        for warning in unread_variables(Settings, os.environ):
            click.echo(f"Warning: {warning}", err=True)
        settings = load_settings(flags, os.environ)
        click.get_current_context().exit(_runner(name)(settings))

    return click.Command(
        name,
        callback=run,
        help=summary,
        epilog=_EPILOG,
        params=[_parameter(option) for option in options(Settings)],
    )


def _runner(name: str) -> Callable[[Settings], int]:
    # Imported here: `--help` and a wrong setting need no service.
    from axm1_llm import services  # noqa: PLC0415

    runners: Mapping[str, Callable[[Settings], int]] = {
        "serve": services.run_serve,
        "demo": services.run_demo,
        "llm-service": services.run_llm_service,
        "tokenizer-service": services.run_tokenizer_service,
    }
    return runners[name]


def _parameter(option: Option) -> click.Option:
    return click.Option(
        [option.flag, option.name],
        metavar=option.placeholder,
        multiple=option.repeatable,
        help=f"{option.description}  [{_facts(option)}]",
    )


def _facts(option: Option) -> str:
    facts = [
        f"expected: {option.expected.replace(EXPECTED_DURATION, 'a duration')}",
        f"env var: {', '.join(variable.name for variable in option.variables)}",
    ]
    if option.default:
        facts.append(f"default: {option.default}")
    return "; ".join(facts)
