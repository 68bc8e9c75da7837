"""The commands that start services. Their options are the fields of `Settings`, so none can be forgotten."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from axm1_llm.durations import EXPECTED_DURATION
from axm1_llm.settings import Settings, load_settings, options, unread_variables

if TYPE_CHECKING:
    from collections.abc import Callable

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
    _do_without_rich()
    # Imported here: `--help` and a wrong setting need no service, and no service needs all of the other.
    # ruff: noqa: PLC0415
    match name:
        case "serve":
            from axm1_llm.services.together import run_serve

            return run_serve
        case "demo":
            from axm1_llm.services.together import run_demo

            return run_demo
        case "llm-service":
            from axm1_llm.services.llm import run_llm_service

            return run_llm_service
        case _:
            from axm1_llm.services.tokenizer import run_tokenizer_service

            return run_tokenizer_service


def _do_without_rich() -> None:
    # structlog loads it to draw tracebacks wherever it is installed: 4 MB and 0.1 s in each service.
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type] # None is how Python marks it as missing


def _parameter(option: Option) -> click.Option:
    # Only where it is wanted: click takes every flag that is told of a value for a switch.
    alone: dict[str, Any] = {"is_flag": False, "flag_value": "true"} if option.switch else {}
    return click.Option(
        [option.flag, option.name],
        metavar=option.placeholder,
        multiple=option.repeatable,
        **alone,
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
