"""JSON schemas of bodies as Markdown tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Schema: TypeAlias = dict[str, Any]


def body_schema(operation: Schema) -> Schema | None:
    """The schema of an operation's JSON body; None when it takes none."""
    content = operation.get("requestBody", {}).get("content", {})
    schema: Schema | None = content.get("application/json", {}).get("schema")
    return schema


def tables(schema: Schema) -> str:
    """The fields of a body, and of each object that it holds, a table each.

    An object is told of once. Fields within it that say nothing are left out: they are as in the API's own
    documentation.
    """
    text = _table(schema)
    told = {str(schema.get("title"))}
    for place, inner in _objects(schema, ""):
        described = any("description" in field for field in inner["properties"].values())
        if described and str(inner.get("title")) not in told:
            told.add(str(inner.get("title")))
            text += f"\nIn `{place}`:\n\n{_table(inner, all_fields=False)}"
    return text


def _table(schema: Schema, *, all_fields: bool = True) -> str:
    rows = "".join(
        f"| `{name}` | {' '.join(str(field.get('description', '')).split())} |\n"
        for name, field in schema.get("properties", {}).items()
        if all_fields or "description" in field
    )
    return f"| field | meaning |\n|---|---|\n{rows}"


def _objects(schema: Schema, place: str) -> Iterator[tuple[str, Schema]]:
    """The objects that the fields of `schema` may hold, each with the place where it stands."""
    for name, field in schema.get("properties", {}).items():
        inner_place = f"{place}.{name}" if place else name
        for inner in _alternatives(field):
            if inner.get("properties"):
                yield inner_place, inner
                yield from _objects(inner, inner_place)


def _alternatives(field: Schema) -> Iterator[Schema]:
    yield field
    for key in ("anyOf", "oneOf", "allOf"):
        for each in field.get(key, ()):
            yield from _alternatives(each)
    for key in ("items", "additionalProperties"):
        if isinstance(field.get(key), dict):
            yield from _alternatives(field[key])
