"""Types of fields that the bodies of several APIs have."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, JsonValue

from axm1_llm.api.bodies import Body


class StrictBody(Body):
    """A body whose known fields have exactly their type: no number in a string, no 1 for true."""

    model_config = ConfigDict(strict=True, populate_by_name=True)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


JsonObject = dict[str, JsonValue]
"""Any object: a schema, the arguments of a call."""

Texts = Annotated[list[str], BeforeValidator(_as_list, json_schema_input_type=str | list[str])]
"""One text or several."""
