"""The form that a structured answer must have: any JSON, or what a JSON schema admits."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from axm1_llm.answer.json_value import JsonValue, breaks_off, json_values
from axm1_llm.answer.keywords import Meter, Patterns
from axm1_llm.errors import RequestError

_MOST_NODES = 10_000
_DEEPEST = 64
_LONGEST_PROBLEM = 300
_ONLY = "and with nothing else: no explanation, no code fence."
# What stands under these is data, whatever it looks like.
_DATA = {"const", "default", "enum", "example", "examples"}
_PROBES: tuple[object, ...] = ({}, [], "", 0, None)
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")

Node = Mapping[str, object]


class Form:
    """What is asked for. Making one and using it may take tenths of a second: do it in a thread.

    Args:
        wanted: "json" for any object or array, or a JSON schema; drafts 3 to 2020-12, the last by default.

    Raises:
        RequestError: the schema is none, or uses what cannot be checked here: references to other
            documents (nothing is fetched), patterns with look-around, endless recursion.
    """

    def __init__(self, wanted: Literal["json"] | Node) -> None:
        self._schema = None if isinstance(wanted, str) else wanted
        self._meter = Meter()
        self._validator: Any = None
        try:  # before a model works for it
            if self._schema is not None:
                self._validator = _validator(self._schema, self._meter)
            for probe in _PROBES:
                self._meter.steps = 0
                self._problem(probe)
        except RecursionError:
            raise RequestError("the format's schema refers to itself without end") from None

    @property
    def instructions(self) -> str:
        """What the model is told, as a part of its system prompt."""
        if self._schema is None:
            return f"Answer with one JSON object {_ONLY}"
        schema = json.dumps(self._schema, ensure_ascii=False)
        return (
            f"Answer with one JSON value that fits the JSON schema below, {_ONLY}\n\nJSON schema:\n{schema}"
        )

    def cut(self, answer: str) -> JsonValue | str:
        """The first value in `answer` that has this form; else what is wrong with the largest value.

        Raises:
            RequestError: the schema cannot be applied to this value.
        """
        self._meter.steps = 0  # one measure for all values: an answer may hold thousands of small ones
        problems: list[tuple[int, str]] = []
        values = json_values(answer)
        if self._schema is None:  # text often has brackets of its own: "see [1]"
            values.sort(key=lambda value: not isinstance(value.value, dict))
        for value in values:
            try:
                problem = self._problem(value.value)
            except RecursionError:
                problem = "its JSON value is nested too deeply"
            if not problem:
                return value
            problems.append((len(value.text), problem))
        if problems:
            return max(problems)[1]
        return "its JSON value is not complete" if breaks_off(answer) else "there is no JSON value in it"

    def _problem(self, value: object) -> str:
        if self._validator is None:
            return "" if isinstance(value, dict | list) else "its JSON value is no object"
        from jsonschema.exceptions import best_match  # noqa: PLC0415 - see `_validator`
        from referencing.exceptions import Unresolvable  # noqa: PLC0415 - the same

        try:
            error = best_match(self._validator.iter_errors(value))
        except Unresolvable as missing:
            raise _unresolved(missing.ref) from None
        if error is None:
            return ""
        message = str(error.message)
        if len(message) > _LONGEST_PROBLEM:  # it may quote the whole value
            message = f"{message[:_LONGEST_PROBLEM]}…"
        return message if error.json_path == "$" else f"at {error.json_path}: {message}"


def _validator(schema: Node, meter: Meter) -> Any:  # noqa: ANN401 - jsonschema makes its classes as it runs
    # Few requests need these, and they take 0.1 s.
    from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415
    from jsonschema.validators import extend, validator_for  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415

    nodes = list(_nodes(schema))
    if not isinstance(schema.get("$schema", ""), str):  # the library looks it up in a table
        raise RequestError("the format is no valid JSON schema: at $.$schema: it is no text")
    kind: Any = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema, format_checker=None)
    except SchemaError as error:
        raise RequestError(
            f"the format is no valid JSON schema: at {error.json_path}: {error.message}"
        ) from None
    patterns = Patterns()
    _meet(nodes, patterns)
    keywords = {**kind.VALIDATORS, **patterns.keywords()}
    counted = {name: meter.counted(keyword) for name, keyword in keywords.items()}
    # Where a schema names its draft the library goes on with that draft's own keywords, uncounted.
    plain = {name: value for name, value in schema.items() if name != "$schema"}
    # With a registry that was given to it the library does not fetch what a reference names.
    made: Any = extend(kind, counted)  # type: ignore[no-untyped-call]
    return made(plain, registry=Registry())


def _meet(nodes: list[Node], patterns: Patterns) -> None:
    """Find what cannot be used before a model works for it."""
    from referencing import Registry  # noqa: PLC0415 - see above
    from referencing.exceptions import Unresolvable  # noqa: PLC0415
    from referencing.jsonschema import DRAFT202012  # noqa: PLC0415

    resolver = Registry().resolver_with_root(DRAFT202012.create_resource(nodes[0]))
    for number, node in enumerate(nodes):
        if number and isinstance(node.get("$schema"), str):
            raise RequestError("the format's schema names its draft ($schema) in an inner place")
        for reference in (node[name] for name in _REFERENCES if isinstance(node.get(name), str)):
            try:
                resolver.lookup(str(reference))
            except Unresolvable:
                raise _unresolved(str(reference)) from None
        if isinstance(pattern := node.get("pattern"), str):
            patterns.match(pattern, "")
        if isinstance(named := node.get("patternProperties"), Mapping):
            if any("unevaluatedProperties" in other for other in nodes):
                raise RequestError("the format's schema has patternProperties and unevaluatedProperties")
            for pattern in named:
                patterns.match(pattern, "")


def _nodes(schema: Node) -> Iterator[Node]:
    """All objects within, itself first, data apart."""
    waiting: list[tuple[object, int]] = [(schema, 1)]
    seen = 0
    while waiting:
        node, depth = waiting.pop()
        seen += 1
        if depth > _DEEPEST:
            raise _too_deep()
        if seen > _MOST_NODES:
            raise RequestError(f"the format's schema has more than {_MOST_NODES} parts; use a smaller one")
        if isinstance(node, Mapping):
            yield node
            waiting += [(inner, depth + 1) for key, inner in node.items() if key not in _DATA]
        elif isinstance(node, list | tuple):
            waiting += [(inner, depth + 1) for inner in node]


def _too_deep() -> RequestError:
    return RequestError(f"the format's schema is nested too deeply; at most {_DEEPEST} levels")


def _unresolved(reference: str) -> RequestError:
    return RequestError(
        f"the format's schema refers to {reference!r}, which is not a part of it; "
        "nothing is fetched: put it under $defs"
    )
