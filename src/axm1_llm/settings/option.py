"""How each setting is reached from outside: its flag, its variables, the words that describe its value."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping  # noqa: TC003 - dataclass fields and signatures of this module
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo


# What the engine tells a model's run script; a service may have been started from one.
_NO_SETTINGS = frozenset({"AXM1_TOKENIZER_URL"})


def _as_it_is(text: str) -> object:
    return text


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that can set a field.

    Attributes:
        name: such as ``OLLAMA_HOST``.
        read: its text as the field's raw value; None when the text says nothing about this field.
            It raises ValueError for a text that it does not know.
        expected: the words of an error about its text, when the field's own do not fit.
    """

    name: str
    read: Callable[[str], object] = _as_it_is
    expected: str = ""


@dataclass(frozen=True, slots=True)
class From:
    """Beside a field's type: where its value comes from and what is expected.

    Attributes:
        expected: the words of an error, such as "a port number from 0 to 65535".
        placeholder: what stands for the value in a list of flags, such as ``PORT``.
        others: variables that are looked at after the field's own ``AXM1_`` one, the first that is set wins.
        flag: the flag when it is not the field's name with dashes.
        secret: whether the value must never be shown.
        repeatable: whether the flag may be given several times.
        switch: whether the flag alone means "true".
    """

    expected: str
    placeholder: str
    others: tuple[Variable, ...] = ()
    flag: str = ""
    secret: bool = False
    repeatable: bool = False
    switch: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """One setting as a flag: what a command line and a page of documentation need to know.

    Attributes:
        name: the field of `Settings`.
        flag: such as ``--max-queue``; every flag takes one text, `load_settings` reads it.
        variables: in the order in which they are looked at.
        description: what it is for.
        placeholder: what stands for its value, such as ``SECONDS``.
        expected: which values it takes.
        default: as a text, "" when there is none.
        secret: whether the value must never be shown.
        repeatable: whether the flag may be given several times.
        switch: whether the flag alone means "true".
    """

    name: str
    flag: str
    variables: tuple[Variable, ...] = field(repr=False)
    description: str
    placeholder: str
    expected: str
    default: str
    secret: bool
    repeatable: bool
    switch: bool


def options(settings: type[BaseModel]) -> tuple[Option, ...]:
    """Every setting of the class, in its order."""
    return tuple(_option(name, info) for name, info in settings.model_fields.items())


def unread_variables(settings: type[BaseModel], environ: Mapping[str, str]) -> tuple[str, ...]:
    """One warning for each ``AXM1_`` variable that sets nothing, with the nearest one that does."""
    known = {variable.name for option in options(settings) for variable in option.variables}
    own = [name for name in known if name.startswith("AXM1_")]
    unread = sorted(
        name for name in environ if name.startswith("AXM1_") and name not in {*own, *_NO_SETTINGS}
    )
    nearest = (difflib.get_close_matches(name, own, n=1, cutoff=0)[0] for name in unread)
    return tuple(
        f"the variable {name} sets nothing; the nearest known one is {known_one}"
        for name, known_one in zip(unread, nearest, strict=True)
    )


def _option(name: str, info: FieldInfo) -> Option:
    *_, origin = (entry for entry in info.metadata if isinstance(entry, From))  # the outermost is the last
    flag = origin.flag or f"--{name.replace('_', '-')}"
    own = Variable("AXM1_" + flag.removeprefix("--").replace("-", "_").upper())
    return Option(
        name=name,
        flag=flag,
        variables=(own, *origin.others),
        description=info.description or "",
        placeholder=origin.placeholder,
        expected=origin.expected,
        default=_default_text(info),
        secret=origin.secret,
        repeatable=origin.repeatable,
        switch=origin.switch,
    )


def _default_text(info: FieldInfo) -> str:
    default = info.get_default(call_default_factory=False)
    if info.default_factory is not None or default is None or default == ():
        return ""
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}s" if isinstance(default, float) else str(default)
