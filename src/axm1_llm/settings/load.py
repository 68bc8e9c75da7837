"""Reads settings: a flag goes before ``AXM1_``, that before ``OLLAMA_``, that before the default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from axm1_llm.errors import SettingsError
from axm1_llm.settings.model import Settings
from axm1_llm.settings.option import Option, options
from axm1_llm.settings.secret import read_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class _Given:
    """One setting that somebody set: where, the text, and the value that was read from it."""

    option: Option
    source: str
    text: object
    value: object


def load_settings(flags: Mapping[str, object], environ: Mapping[str, str]) -> Settings:
    """The settings in force.

    Args:
        flags: values by field name (``max_queue``), as texts or as proper values; None, "" and () are
            not given.
        environ: the environment; an empty variable is not given, as compose files leave many.

    Raises:
        SettingsError: some value cannot be used; the text names every such flag or variable.
    """
    problems: list[str] = []
    given: dict[str, _Given] = {}
    for option in options(Settings):
        try:
            found = _from_flag(option, flags) or _from_environ(option, environ)
        except _UnreadableError as error:
            problems.append(str(error))
            continue
        if found is not None:
            given[option.name] = found
    settings = _validated(given, problems)
    if settings is None or problems:
        raise SettingsError("\n  ".join(("these settings cannot be used:", *dict.fromkeys(problems))))
    return read_keys(settings)


class _UnreadableError(ValueError):
    """The text of a variable says nothing that its reader knows."""


def _from_flag(option: Option, flags: Mapping[str, object]) -> _Given | None:
    value = flags.get(option.name)
    if value is None or value in ("", ()):
        return None
    return _Given(option, option.flag, value, value)


def _from_environ(option: Option, environ: Mapping[str, str]) -> _Given | None:
    for variable in option.variables:
        text = environ.get(variable.name, "").strip()
        if not text:
            continue
        try:
            value = variable.read(text)
        except ValueError:
            raise _UnreadableError(_problem(option, variable.name, text, variable.expected)) from None
        if value is not None:
            return _Given(option, variable.name, text, value)
    return None


def _validated(given: Mapping[str, _Given], problems: list[str]) -> Settings | None:
    """The settings, or None after `problems` got one line for each that cannot be used."""
    try:
        return Settings.model_validate({name: found.value for name, found in given.items()})
    except ValidationError as error:
        wrong = dict.fromkeys(str(detail["loc"][0]) for detail in error.errors(include_url=False))
        problems.extend(_problem(given[name].option, given[name].source, given[name].text) for name in wrong)
        return None


def _problem(option: Option, source: str, text: object, expected: str = "") -> str:
    expected = expected or option.expected
    if option.secret:
        return f"{source}: expected {expected}"  # its value is never shown, not even a wrong one
    shown = repr(text)
    if len(shown) > _LONGEST_SHOWN:
        shown = shown[:_LONGEST_SHOWN] + "…"
    return f"{source}: found {shown}; expected {expected}"
