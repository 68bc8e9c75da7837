from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from api.conftest import MakeService, Service
from axm1_llm.api.ollama.show import parameter_count
from engine.conftest import within

HERMES = "{{ tools }}<tool_call>"
DETAILS = {"family": "qwen2", "parameter_size": "7.6B", "quantization_level": "INT4"}


async def shown(s: Service, name: str = "m:7b", **headers: str) -> dict[str, Any]:
    response = await s.http.post("/api/show", json={"model": name}, headers=headers)
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


async def loaded(s: Service, name: str, **body: Any) -> None:
    request = asyncio.create_task(s.post(model=name, **body))
    await s.answering()
    await within(request)


async def test_each_model_is_listed_under_both_keys_with_all_that_clients_parse(
    service: MakeService, tmp_path: Path
) -> None:
    (tmp_path / "layer.axmodel").write_bytes(b"x" * 1000)
    async with service(details=DETAILS, others=("other",)) as s:
        first, second = (await s.http.get("/api/tags")).json()["models"]
        assert first["name"] == first["model"] == "m:7b"
        assert second["name"] == "other:latest"
        assert first["size"] >= 1000
        assert len(first["digest"]) == len(second["digest"]) == 64
        assert first["digest"] != second["digest"]
        assert datetime.fromisoformat(first["modified_at"]).tzinfo
        assert first["details"] == {**DETAILS, "format": "axmodel", "parent_model": "", "families": []}
        assert first["capabilities"] == ["completion"]


async def test_only_loaded_models_run_and_the_one_that_stays_longest_comes_first(
    service: MakeService,
) -> None:
    async with service(others=("other", "third")) as s:
        assert (await s.http.get("/api/ps")).json() == {"models": []}
        await loaded(s, "m:7b", keep_alive="5m")
        await loaded(s, "other", keep_alive=-1)
        first, second = (await s.http.get("/api/ps")).json()["models"]
        assert (first["name"], second["model"]) == ("other:latest", "m:7b")
        assert datetime.fromisoformat(first["expires_at"]).year > 2300
        left = datetime.fromisoformat(second["expires_at"]) - datetime.now(UTC)
        assert timedelta(minutes=4) < left <= timedelta(minutes=5)
        assert first["size_vram"] == first["size"]
        assert first["context_length"] == 1024
        assert len(first["digest"]) == 64


async def test_show_tells_what_clients_index_without_a_look(service: MakeService) -> None:
    async with service(details=DETAILS, context_length=2048, system="be brief", template=HERMES) as s:
        body = await shown(s)
        assert body["model_info"] == {
            "general.architecture": "qwen2",
            "general.basename": "m",
            "general.parameter_count": 7_600_000_000,
            "qwen2.context_length": 2048,
        }
        assert body["capabilities"] == ["completion", "tools"]
        assert body["template"] == HERMES
        assert body["system"] == "be brief"
        assert body["parameters"].split() == ["num_ctx", "2048"]
        assert body["details"]["parameter_size"] == "7.6B"
        assert datetime.fromisoformat(body["modified_at"]).tzinfo
        assert body["modelfile"].splitlines()[1] == "FROM m:7b"


async def test_show_knows_an_architecture_even_of_a_model_that_nobody_described(service: MakeService) -> None:
    async with service() as s:
        info = (await shown(s))["model_info"]
        assert info == {"general.architecture": "axmodel", "general.basename": "m"}
        await loaded(s, "m:7b")
        assert (await shown(s))["model_info"]["axmodel.context_length"] == 1024


async def test_show_takes_the_old_name_of_the_field_too(service: MakeService) -> None:
    async with service() as s:
        response = await s.http.post("/api/show", json={"name": "m:7b", "verbose": True})
        assert response.json()["model_info"]["general.basename"] == "m"
        response = await s.http.post("/api/show", json={"model": "nope"})
        assert (response.status_code, response.json()) == (404, {"error": "model 'nope' not found"})


async def test_copilot_is_shown_the_name_that_it_asked_for(service: MakeService) -> None:
    async with service() as s:
        info = (await shown(s, **{"user-agent": "GitHubCopilotChat/0.35"}))["model_info"]
        assert info["general.basename"] == "m:7b"


async def test_show_has_the_users_sampling_and_the_options_without_effect(
    service: MakeService, tmp_path: Path
) -> None:
    async with service() as s:
        assert (await shown(s))["post_config"] is None
        (tmp_path / "post_config.json").write_text('{"enable_temperature": true, "temperature": 0.9}')
        body = await shown(s)
        assert body["post_config"] == {"enable_temperature": True, "temperature": 0.9}
        assert {"temperature", "top_k", "seed", "num_ctx"} <= set(body["ignored_options"])
        assert not {"num_predict", "stop"} & set(body["ignored_options"])
        (tmp_path / "post_config.json").write_text("{")
        assert (await shown(s))["post_config"] is None


async def test_a_runtime_that_takes_sampling_ignores_none_of_it(service: MakeService) -> None:
    async with service(runtime="axllm", run_cmd="", tokenizer_port=None) as s:
        assert "num_ctx" in (await shown(s))["ignored_options"]
        assert "temperature" not in (await shown(s))["ignored_options"]


@pytest.mark.parametrize(
    ("size", "count"),
    [("7.6B", 7_600_000_000), ("135M", 135_000_000), ("1.5 b", 1_500_000_000), ("big", None), (7, None)],
)
def test_the_parameters_are_counted_where_their_size_can_be_read(size: object, count: int | None) -> None:
    assert parameter_count(size) == count
