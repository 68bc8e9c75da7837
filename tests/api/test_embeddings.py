from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from api.conftest import MakeService
from axm1_llm.engine.embedding import Embeddings
from axm1_llm.scheduler import Scheduler
from engine.conftest import within


@pytest.fixture
def embedding(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Stands for a runtime that embeds each text as (3, 4, 12); what it was asked for."""
    calls: list[tuple[Any, ...]] = []

    async def embed(_: Scheduler, name: str, texts: Sequence[str], keep_alive: float | None) -> Embeddings:
        calls.append((name, tuple(texts), keep_alive))
        return Embeddings([[3.0, 4.0, 12.0] for _ in texts], 5)

    async def load(_: Scheduler, name: str, keep_alive: float | None = None) -> None:
        calls.append((name, (), keep_alive))

    monkeypatch.setattr(Scheduler, "embed", embed)
    monkeypatch.setattr(Scheduler, "load", load)
    return calls


async def test_each_text_gets_a_vector_of_unit_length(
    service: MakeService, embedding: list[tuple[Any, ...]]
) -> None:
    async with service(capabilities=["embedding"]) as s:
        body = {"model": "m:7b", "input": ["a", "b"], "keep_alive": "1m", "truncate": True, "options": {}}
        found = (await s.http.post("/api/embed", json=body)).json()
        assert embedding == [("m:7b", ("a", "b"), 60.0)]
        assert found["model"] == "m:7b"
        assert len(found["embeddings"]) == 2
        assert math.hypot(*found["embeddings"][0]) == pytest.approx(1)
        assert found["prompt_eval_count"] == 5
        assert found["total_duration"] > 0


async def test_fewer_dimensions_cut_the_vector_and_it_is_of_unit_length_again(
    service: MakeService, embedding: list[tuple[Any, ...]]
) -> None:
    async with service(capabilities=["embedding"]) as s:
        body = {"model": "m:7b", "input": "a", "dimensions": 2}
        assert (await s.http.post("/api/embed", json=body)).json()["embeddings"] == [[0.6, 0.8]]


async def test_no_input_only_loads(service: MakeService, embedding: list[tuple[Any, ...]]) -> None:
    async with service(capabilities=["embedding"]) as s:
        bodies: tuple[dict[str, Any], ...] = ({}, {"input": []}, {"input": None})
        for body in bodies:
            response = await s.http.post("/api/embed", json={"model": "m:7b", **body})
            assert response.json()["embeddings"] == []
        response = await s.http.post("/api/embeddings", json={"model": "m:7b", "prompt": ""})
        assert response.json() == {"embedding": []}
        assert embedding == [("m:7b", (), None)] * 4


async def test_the_old_route_gives_one_vector(service: MakeService, embedding: list[tuple[Any, ...]]) -> None:
    async with service(capabilities=["embedding"]) as s:
        response = await s.http.post("/api/embeddings", json={"model": "m:7b", "prompt": "a"})
        assert response.json()["embedding"] == pytest.approx([3 / 13, 4 / 13, 12 / 13])


@pytest.mark.parametrize("path", ["/api/embed", "/api/embeddings"])
async def test_a_model_that_cannot_is_refused_in_ollamas_words(service: MakeService, path: str) -> None:
    async with service() as s:
        body = {"model": "m:7b", "input": "a", "prompt": "a"}
        response = await within(s.http.post(path, json=body))
        assert response.status_code == 400
        assert response.json() == {"error": '"m:7b" does not support embeddings'}
        response = await s.http.post(path, json={**body, "model": "nope"})
        assert response.status_code == 404


@pytest.mark.parametrize("body", [{"input": [1, 2]}, {"input": {"a": 1}}, {"input": "a", "dimensions": -1}])
async def test_what_cannot_be_embedded_is_400(
    service: MakeService, embedding: list[tuple[Any, ...]], body: dict[str, Any]
) -> None:
    async with service(capabilities=["embedding"]) as s:
        response = await s.http.post("/api/embed", json={"model": "m:7b", **body})
        assert response.status_code == 400
        assert next(reversed(body)) in response.json()["error"]
