from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from axm1_llm.descriptors import ModelDescriptor, load_descriptors
from axm1_llm.errors import DescriptorError

Write = Callable[..., Path]
Problems = Callable[..., list[str]]
Load = Callable[..., ModelDescriptor]


def entry(**changes: Any) -> dict[str, Any]:
    """A complete entry of the descriptor file; a change to None takes the key out."""
    whole = {
        "model_name": "qwen",
        "run_cmd": "./run.sh",
        "model_path": "qwen",
        "tokenizer_port": 12345,
        **changes,
    }
    return {key: value for key, value in whole.items() if value is not None}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a descriptor file: texts and bytes as they are, anything else as JSON."""

    def to_file(content: object) -> Path:
        path = tmp_path / "model-descriptor.json"
        if not isinstance(content, bytes):
            content = (content if isinstance(content, str) else json.dumps(content)).encode()
        path.write_bytes(content)
        return path

    return to_file


@pytest.fixture
def problems(write: Write) -> Problems:
    """The problems that a descriptor file has."""

    def of(content: object) -> list[str]:
        with pytest.raises(DescriptorError) as caught:
            load_descriptors(write(content))
        return list(caught.value.problems)

    return of


@pytest.fixture
def load(write: Write) -> Load:
    """The only model of a descriptor file with one entry."""

    def one(**changes: Any) -> ModelDescriptor:
        (model,) = load_descriptors(write([entry(**changes)])).models
        return model

    return one
