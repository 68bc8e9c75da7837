"""What /set changes, by name."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from axm1_llm.errors import Axm1Error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axm1_llm.cli.chat.state import Chat

# The options of a request that a runtime may follow.
OPTIONS = (
    "temperature", "num_predict", "top_k", "top_p", "min_p", "typical_p", "repeat_penalty", "repeat_last_n",
    "presence_penalty", "frequency_penalty", "seed", "stop",
)  # fmt: skip
_SWITCHES = {"on": True, "true": True, "off": False, "false": False}
_LEVELS = ("low", "medium", "high", "max")
NAMES = ("think", "markdown", "verbose", *OPTIONS)


class SettingError(Axm1Error):
    """There is no such thing to set, or not to that."""


def change(chat: Chat, name: str, value: str) -> None:
    """Set one thing; an empty value gives back what it is without.

    Raises:
        SettingError: there is no such name, or it cannot be that.
    """
    match name:
        case "think":
            chat.manner = replace(chat.manner, think=_think(value))
        case "verbose":
            chat.manner = replace(chat.manner, verbose=_switch(name, value or "off"))
        case "markdown":
            chat.markdown = _switch(name, value or "on")
        case _ if name in OPTIONS:
            options = {key: each for key, each in chat.manner.options.items() if key != name}
            chat.manner = replace(
                chat.manner, options=options | ({name: _option(name, value)} if value else {})
            )
        case _:
            raise SettingError(f"{name} cannot be set; what can: {', '.join(NAMES)}")


def described(chat: Chat, *, all_names: bool = True) -> Iterator[str]:
    """A line for each name with its value; those of the options that are not set only with `all_names`."""
    think = chat.manner.think
    yield f"think: {'as the model likes' if think is None else _word(think)}"
    yield f"markdown: {_word(chat.markdown)}"
    yield f"verbose: {_word(chat.manner.verbose)}"
    for name in OPTIONS:
        if name in chat.manner.options:
            yield f"{name}: {json.dumps(chat.manner.options[name], ensure_ascii=False)}"
        elif all_names:
            yield f"{name}: the model's own"


def _word(value: bool | str) -> str:  # noqa: FBT001 - a value to show
    return value if isinstance(value, str) else "on" if value else "off"


def _switch(name: str, value: str) -> bool:
    if value not in _SWITCHES:
        raise SettingError(f"{name} is on or off, not {value!r}")
    return _SWITCHES[value]


def _think(value: str) -> bool | str | None:
    if not value:
        return None
    return value if value in _LEVELS else _switch(f"think ({', '.join(_LEVELS)})", value)


def _option(name: str, value: str) -> object:
    if name == "stop":
        return [value]
    try:
        number = json.loads(value)
    except ValueError:
        number = None
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise SettingError(f"{name} is a number, not {value!r}")
    return number
