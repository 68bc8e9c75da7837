from __future__ import annotations

import re
from typing import Any

from axm1_llm.descriptors import ModelDescriptor, descriptor_schema, same_name


def properties() -> dict[str, Any]:
    found: dict[str, Any] = descriptor_schema()["items"]["properties"]
    return found


def test_editors_know_every_key_and_no_other() -> None:
    schema = descriptor_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["type"] == "array"
    assert schema["items"]["type"] == "object"
    assert schema["items"]["additionalProperties"] is False
    assert schema["items"]["required"] == ["model_name", "model_path"]
    assert set(properties()) == {*ModelDescriptor.model_fields, "tokenizer-ip"}


def test_editors_ask_for_a_run_script_where_no_server_answers() -> None:
    items = descriptor_schema()["items"]
    assert items["if"] == {"properties": {"runtime": {"const": "axllm"}}, "required": ["runtime"]}
    assert items["else"] == {"required": ["run_cmd"]}
    assert "default" not in properties()["run_cmd"]


def test_editors_show_what_each_key_is_for() -> None:
    descriptions = [value["description"] for value in properties().values()]
    assert all(descriptions)
    assert len(set(descriptions)) == len(descriptions)


def test_editors_take_ports_and_booleans_as_values_and_as_texts() -> None:
    assert properties()["tokenizer_port"]["anyOf"] == [
        {"type": "integer", "minimum": 1, "maximum": 65535},
        {"type": "string", "pattern": "^[0-9]+$"},
        {"type": "null"},
    ]
    forms = properties()["run_on_startup"]["anyOf"]
    assert {"type": "boolean"} in forms
    assert any({"true", "false"} <= set(form.get("enum", ())) for form in forms)


def test_editors_mark_a_name_that_cannot_be_one() -> None:
    pattern = properties()["model_name"]["pattern"]
    assert re.search(pattern, "smollm2:135m")
    assert not re.search(pattern, "smollm2 135m")
    assert properties()["aliases"]["items"]["pattern"] == pattern


def test_names_are_the_same_in_any_case_and_with_the_default_tag() -> None:
    assert same_name("Qwen", "qwen:latest")
    assert not same_name("qwen", "qwen:7b")
