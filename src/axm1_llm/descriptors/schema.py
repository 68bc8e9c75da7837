"""The JSON Schema of the descriptor file, for editors that check while one types."""

from __future__ import annotations

from typing import Any

from axm1_llm.descriptors.model import ModelDescriptor


def descriptor_schema() -> dict[str, Any]:
    """A JSON Schema (draft 2020-12) of the whole file, a list of models."""
    entry = ModelDescriptor.model_json_schema()
    properties = entry["properties"]
    properties["tokenizer-ip"] = {
        **properties["tokenizer_ip"],
        "title": "Tokenizer-Ip",
        "description": "Another spelling of `tokenizer_ip`.",
    }
    # Only the runtimes on pipes need a run script.
    del properties["run_cmd"]["default"]
    entry["if"] = {"properties": {"runtime": {"const": "axllm"}}, "required": ["runtime"]}
    entry["else"] = {"required": ["run_cmd"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Model descriptors of axm1-llm",
        "type": "array",
        "items": entry,
    }
