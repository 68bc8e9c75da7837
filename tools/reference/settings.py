"""The page of the settings, out of the model that reads them."""

from __future__ import annotations

from axm1_llm.settings import Option, Settings, options

_INTRODUCTION = """\
# Settings

<!-- Made by `make docs` from the settings themselves; change those, not this page. -->

Each setting is a flag of `axm1 serve` (and of `demo`, `llm-service`, `tokenizer-service`) and a variable.
A flag goes before the `AXM1_` variable, that before the one of Ollama where Ollama has one, that before the
default. An empty variable counts as not set. A value that cannot be used stops the start with an error that
names it; all such values are named at once.

| flag | variables | takes | default |
|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    found = options(Settings)
    rows = "".join(_row(option) for option in found)
    meanings = "".join(f"\n## `{option.flag}`\n\n{option.description}\n" for option in found)
    return _INTRODUCTION + rows + meanings


def _row(option: Option) -> str:
    variables = " ".join(f"`{variable.name}`" for variable in option.variables)
    default = f"`{option.default}`" if option.default else "none"
    return f"| `{option.flag}` | {variables} | {option.expected} | {default} |\n"
