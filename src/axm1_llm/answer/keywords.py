"""JSON Schema's keywords, bounded: a schema comes from a client, and must not be able to stop the service.

``jsonschema`` follows references as often as it meets them and uses Python's regular expressions, which
may take for ever (``(a+)+$``). Here every step is counted, and patterns go to the engine behind pydantic
(Rust's), whose time grows with the text. It knows no look-around and no back-references.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from pydantic_core import SchemaError, SchemaValidator, core_schema

from axm1_llm.errors import RequestError

Keyword = Callable[..., Any]
"""(validator, the keyword's value, instance, schema) → errors, or None."""


class Validator(Protocol):
    """What a keyword needs of jsonschema's validators, whose own protocol leaves it out."""

    def descend(
        self, instance: object, schema: object, path: object = None, schema_path: object = None
    ) -> Iterator[Any]:
        """The errors of an inner value."""
        ...


MOST_STEPS = 100_000
"""Keywords that may be applied to check one answer; a second or two on a small machine."""


class Meter:
    """Counts the steps of one check."""

    def __init__(self) -> None:
        self.steps = 0

    def counted(self, keyword: Keyword) -> Keyword:
        """The same keyword, each use a step.

        Raises:
            RequestError: when used, there were too many.
        """

        def check(validator: object, value: object, instance: object, schema: object) -> Iterator[Any]:
            self.steps += 1
            if self.steps > MOST_STEPS:
                raise RequestError("the format takes too long to check; use a simpler schema")
            yield from keyword(validator, value, instance, schema) or ()

        return check


class Patterns:
    """Regular expressions, each compiled once."""

    def __init__(self) -> None:
        self._compiled: dict[str, SchemaValidator] = {}

    def match(self, pattern: str, text: str) -> bool:
        """Whether `pattern` is found in `text`.

        Raises:
            RequestError: it is no pattern, or uses what this engine does not have.
        """
        compiled = self._compiled.get(pattern)
        if compiled is None:
            compiled = self._compiled[pattern] = _compiled(pattern)
        return compiled.isinstance_python(text)

    def keywords(self) -> dict[str, Keyword]:
        """The keywords that use patterns, and one whose time would grow with the square of the value."""
        return {
            "pattern": self._pattern,
            "patternProperties": self._pattern_properties,
            "additionalProperties": self._additional_properties,
            "uniqueItems": _unique_items,
        }

    def _pattern(self, _: object, value: str, instance: object, __: object) -> Iterator[Any]:
        if isinstance(instance, str) and not self.match(value, instance):
            yield _error(f"the pattern {value!r} is not found in {instance!r}")

    def _pattern_properties(
        self, validator: Validator, value: Mapping[str, object], instance: object, _: object
    ) -> Iterator[Any]:
        for name, inner in _items(instance):
            for pattern, schema in value.items():
                if self.match(pattern, name):
                    yield from validator.descend(inner, schema, path=name, schema_path=pattern)

    def _additional_properties(
        self, validator: Validator, value: object, instance: object, schema: Mapping[str, Any]
    ) -> Iterator[Any]:
        known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        for name, inner in _items(instance):
            if name in known or any(self.match(pattern, name) for pattern in patterns):
                continue
            if value is False:
                yield _error(f"the property {name!r} is not allowed")
            else:
                yield from validator.descend(inner, value, path=name)


def _unique_items(_: object, value: object, instance: object, __: object) -> Iterator[Any]:
    if value and isinstance(instance, list):
        written = {json.dumps(item, sort_keys=True) for item in instance}
        if len(written) < len(instance):
            yield _error("an item comes twice")


def _compiled(pattern: str) -> SchemaValidator:
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern))
    except SchemaError as error:
        reason = str(error).strip().splitlines()[-1].removeprefix("error: ")
        raise RequestError(f"the format's pattern {pattern!r} cannot be used: {reason}") from None


def _items(instance: object) -> list[tuple[str, object]]:
    return list(instance.items()) if isinstance(instance, Mapping) else []


def _error(message: str) -> Exception:
    from jsonschema import ValidationError  # noqa: PLC0415 - few requests need it, and it takes 0.1 s

    return ValidationError(message)
