from __future__ import annotations

import base64
import struct
from typing import Any

import pytest

from api.conftest import MakeService
from axm1_llm.serving.embedding import Embeddings

EMBEDDINGS = "/v1/embeddings"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"input": "hi"}, '"m:7b" does not support embeddings'),
        ({"input": []}, "input is empty"),
        ({"input": [1, 2]}, "input"),
        ({}, "input is required"),
        ({"input": "hi", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "hi", "dimensions": 0}, "dimensions"),
    ],
)
async def test_what_cannot_be_embedded_is_refused_in_words(
    service: MakeService, body: dict[str, Any], text: str
) -> None:
    async with service() as s:
        response = await s.http.post(EMBEDDINGS, json={"model": "m:7b", **body})
        assert response.status_code == 400
        assert text in response.json()["error"]["message"]


@pytest.fixture
def embed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Stands for a model that embeds; what it was asked for."""
    calls: list[tuple[Any, ...]] = []

    async def vectors(_: object, name: str, texts: list[str], **wanted: Any) -> Embeddings:
        calls.append((name, texts, wanted))
        return Embeddings(tuple((0.6, 0.8) for _ in texts), 5)

    monkeypatch.setattr("axm1_llm.serving.embedding.Embedder.embed", vectors)
    return calls


async def test_each_text_gets_its_vector(service: MakeService, embed: list[tuple[Any, ...]]) -> None:
    async with service() as s:
        body = {"model": "m:7b", "input": ["a", "b"], "dimensions": 2, "user": "ann"}
        found = (await s.http.post(EMBEDDINGS, json=body)).json()
        assert found == {
            "object": "list",
            "data": [{"object": "embedding", "index": index, "embedding": [0.6, 0.8]} for index in range(2)],
            "model": "m:7b",
            "usage": {"prompt_tokens": 5, "total_tokens": 5},
        }
        assert embed == [("m:7b", ["a", "b"], {"dimensions": 2})]


async def test_base64_holds_floats_of_32_bits(service: MakeService, embed: list[tuple[Any, ...]]) -> None:
    async with service() as s:
        body = {"model": "m:7b", "input": "a", "encoding_format": "base64"}
        (found,) = (await s.http.post(EMBEDDINGS, json=body)).json()["data"]
        vector = struct.unpack("<2f", base64.b64decode(found["embedding"]))
        assert vector == pytest.approx((0.6, 0.8))
        assert embed[0][1] == ["a"]
