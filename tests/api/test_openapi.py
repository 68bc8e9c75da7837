from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from api.conftest import MakeService
from axm1_llm.api.declared import schema_of
from axm1_llm.api.ollama.bodies import ChatBody, CreateBody, GenerateBody


def references(node: object) -> list[str]:
    if isinstance(node, list):
        return [found for each in node for found in references(each)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return own + [found for each in node.values() for found in references(each)]


def resolved(document: dict[str, Any], reference: str) -> object:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found


async def test_every_reference_of_the_description_leads_somewhere(service: MakeService) -> None:
    async with service() as s:
        document = (await s.http.get("/openapi.json")).json()
        assert all(resolved(document, reference) for reference in references(document))


async def test_each_route_of_ours_declares_its_body_and_its_errors(service: MakeService) -> None:
    async with service() as s:
        paths = (await s.http.get("/openapi.json")).json()["paths"]
        ours = {path: each for path, each in paths.items() if not path.startswith("/v1")}
        for path, operations in ours.items():
            for method, operation in operations.items():
                assert {"401", "405", "500"} <= set(operation["responses"]), path
                if "requestBody" in operation:
                    assert {"400", "404", "413"} <= set(operation["responses"]), path
                elif method != "get" and "{model}" not in path:
                    assert "501" in operation["responses"], path
        for path in ("/api/generate", "/api/chat", "/api/embed", "/api/embeddings"):
            assert {"499", "503"} <= set(paths[path]["post"]["responses"])


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (
            GenerateBody,
            {"model": "m", "prompt": "hi", "options": {"stop": "x", "seed": 1}, "keep_alive": "5m"},
        ),
        (ChatBody, {"model": "m", "messages": [{"role": "user", "content": "hi"}], "think": "low"}),
        (ChatBody, {"model": "m", "format": {"type": "object"}, "stream": False}),
        (CreateBody, {"model": "v", "from": "m", "license": ["MIT"], "parameters": {"top_k": 1}}),
    ],
)
def test_what_the_description_admits_the_service_reads(body: Any, document: dict[str, Any]) -> None:
    jsonschema.validate(document, schema_of(body))
    assert body.model_validate(document)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({}, schema_of(body))
