"""JSON schemas of bodies as Markdown tables."""

from __future__ import annotations

from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]


def body_schema(operation: Schema, document: Schema) -> Schema | None:
    """The schema of an operation's JSON body; None when it takes none."""
    content = operation.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema")
    return None if schema is None else _resolved(schema, schema, document)


def tables(schema: Schema, document: Schema) -> str:
    """The fields of a body, and of each object that it holds, a table each."""
    written: dict[str, None] = {}
    text = _table(schema)
    waiting = _inner(schema, schema, document)
    while waiting:
        title, inner = waiting.pop(0)
        if title not in written and inner.get("properties"):
            written[title] = None
            text += f"\n{title}:\n\n{_table(inner)}"
            waiting += _inner(inner, schema, document)
    return text


def _table(schema: Schema) -> str:
    rows = "".join(
        f"| `{name}` | {' '.join(str(field.get('description', '')).split())} |\n"
        for name, field in schema.get("properties", {}).items()
    )
    return f"| field | meaning |\n|---|---|\n{rows}"


def _inner(schema: Schema, root: Schema, document: Schema) -> list[tuple[str, Schema]]:
    """The objects that the fields of `schema` may hold, with their names."""
    fields = schema.get("properties", {}).values()
    references = [reference for field in fields for reference in _references(field)]
    return [
        (reference.rpartition("/")[2], _resolved({"$ref": reference}, root, document))
        for reference in references
    ]


def _references(schema: Any) -> list[str]:  # noqa: ANN401 - any part of a schema
    if isinstance(schema, list):
        return [reference for part in schema for reference in _references(part)]
    if not isinstance(schema, dict):
        return []
    own = [schema["$ref"]] if isinstance(schema.get("$ref"), str) else []
    parts = (
        schema[key] for key in ("anyOf", "oneOf", "allOf", "items", "additionalProperties") if key in schema
    )
    return own + [reference for part in parts for reference in _references(part)]


def _resolved(schema: Schema, root: Schema, document: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    name = str(reference).rpartition("/")[2]
    definitions = {**document.get("components", {}).get("schemas", {}), **root.get("$defs", {})}
    found: Schema = definitions[name]
    return found
