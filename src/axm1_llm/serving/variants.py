"""Variants of models: the small file that remembers what clients copied and created.

It is the service's own; the user's descriptor file is never written.
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - read by the type checker and used in signatures
from typing import Annotated, Literal

import orjson
import structlog
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from axm1_llm.descriptors.names import check_name
from axm1_llm.errors import SettingsError
from axm1_llm.serving.limits import SAMPLING
from axm1_llm.whole_file import write_file

_LARGEST_FILE = 16 * 1024 * 1024
_FLAG = "--variants-file (AXM1_VARIANTS_FILE)"

Parameter = bool | int | float | str | list[str]
"""An option's value."""


def _checked(parameters: dict[str, Parameter]) -> dict[str, Parameter]:
    for name, value in parameters.items():
        if name == "stop" and not isinstance(value, list):
            raise ValueError("stop must be a list of texts")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if name in {"num_predict", *SAMPLING} and not number:
            raise ValueError(f"{name} must be a number")
    return parameters


class Turn(BaseModel):
    """A turn that stands before every conversation."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    role: Literal["system", "user", "assistant"]
    content: str


class Variant(BaseModel):
    """A model under another name, perhaps with other settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    name: Annotated[str, AfterValidator(check_name)]
    base: Annotated[str, Field(min_length=1)]  # the name in the descriptor file
    created: Annotated[float, Field(ge=0, allow_inf_nan=False)]  # seconds since the epoch
    system: str | None = None
    template: str | None = None
    parameters: Annotated[dict[str, Parameter], AfterValidator(_checked)] = Field(default_factory=dict)
    messages: list[Turn] = Field(default_factory=list)
    license: list[str] = Field(default_factory=list)


class VariantFile:
    """The file; what cannot be understood in it is warned of and left as it is.

    Args:
        path: of the file; None keeps variants only as long as the service runs.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._foreign: list[object] = []  # entries that were not understood: written back as they were
        self._refuses: str | None = None  # why the file must not be written over

    def read(self) -> tuple[Variant, ...]:
        """What the file holds; nothing when there is none."""
        if self._path is None:
            return ()
        try:
            entries = _entries(self._path)
        except FileNotFoundError:
            return ()
        except (OSError, ValueError) as error:
            self._refuses = f"it cannot be read ({_reason(error)}); repair it or move it away"
            self._warn(self._refuses)
            return ()
        return tuple(variant for entry in entries if (variant := self._understood(entry)) is not None)

    def write(self, variants: tuple[Variant, ...]) -> None:
        """Replace the file, in one step: it is never half there.

        Raises:
            SettingsError: it cannot be written.
        """
        if self._path is None:
            return
        if self._refuses is not None:
            raise SettingsError(f"{_FLAG} '{self._path}' is not written over: {self._refuses}")
        entries = [*(variant.model_dump(exclude_defaults=True) for variant in variants), *self._foreign]
        content = orjson.dumps({"variants": entries}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_file(self._path, content, mode=0o600, durable=True)
        except OSError as error:
            raise SettingsError(
                f"{_FLAG} '{self._path}' cannot be written: {_reason(error)}; name another file"
            ) from None

    def _understood(self, entry: object) -> Variant | None:
        try:
            return Variant.model_validate(entry)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            name = entry.get("name") if isinstance(entry, dict) else None
            self._warn(f"the variant {name!r} is left out: {place}: {first['msg']}")
            self._foreign.append(entry)
            return None

    def _warn(self, problem: str) -> None:
        structlog.get_logger().warning("variants_file", file=str(self._path), problem=problem)


def _entries(path: Path) -> list[object]:
    with path.open("rb") as file:
        content = file.read(_LARGEST_FILE + 1)
    if len(content) > _LARGEST_FILE:
        raise ValueError(f"larger than {_LARGEST_FILE} bytes")
    document = orjson.loads(content)
    entries = document.get("variants") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise ValueError('expected {"variants": [...]}')  # noqa: TRY004 - a wrong document, like bad JSON
    return entries


def _reason(error: OSError | ValueError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
