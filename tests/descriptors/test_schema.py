from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from axm1_llm.descriptors import ModelDescriptor, descriptor_schema, same_name

from .conftest import entry


@pytest.fixture
def validator() -> Draft202012Validator:
    schema = descriptor_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tokenizer-ip": "10.0.0.1", "tokenizer_port": "12345", "run_on_startup": "true"},
        {"devices": [0, "1"], "keep_alive": -1, "context_length": "2048", "aliases": ["a:b"]},
    ],
)
def test_what_can_be_loaded_passes_the_schema_of_editors(
    validator: Draft202012Validator, changes: dict[str, Any]
) -> None:
    assert validator.is_valid([entry(**changes)])


@pytest.mark.parametrize(
    "changes",
    [
        {"model_name": "a b"},
        {"tokenizer_port": 0},
        {"run_cmd": None},
        {"tokenizr_port": 1},
        {"env": {"A": 1}},
    ],
)
def test_what_cannot_be_loaded_fails_the_schema_of_editors(
    validator: Draft202012Validator, changes: dict[str, Any]
) -> None:
    assert not validator.is_valid([entry(**changes)])


def test_every_key_has_a_description_of_its_own() -> None:
    descriptions = [field.description for field in ModelDescriptor.model_fields.values()]
    assert all(descriptions)
    assert len(set(descriptions)) == len(descriptions)


def test_names_are_the_same_in_any_case_and_with_the_default_tag() -> None:
    assert same_name("Qwen", "qwen:latest")
    assert not same_name("qwen", "qwen:7b")
