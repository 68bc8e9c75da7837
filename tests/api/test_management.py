from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from api.conftest import MakeService, Service
from engine.conftest import within


async def names(s: Service) -> list[str]:
    return [model["name"] for model in (await s.http.get("/api/tags")).json()["models"]]


async def create(s: Service, **body: Any) -> None:
    response = await s.http.post("/api/create", json={"model": "terse", "from": "m:7b", **body})
    assert (response.status_code, response.text) == (200, '{"status":"success"}\n')


async def answer(s: Service, name: str, **body: Any) -> dict[str, Any]:
    request = asyncio.create_task(s.post(model=name, prompt="hi", stream=False, **body))
    if not s.scheduler.find("m:7b").is_loaded:
        await s.answering()
    found: dict[str, Any] = (await within(request)).json()
    return found


async def test_a_copy_is_another_name_for_the_same_runtime(service: MakeService) -> None:
    async with service() as s:
        response = await s.http.post("/api/copy", json={"source": "m:7b", "destination": "gpt-4o"})
        assert (response.status_code, response.content) == (200, b"")
        assert await names(s) == ["m:7b", "gpt-4o:latest"]
        await answer(s, "m:7b")
        found = await answer(s, "GPT-4o:latest")  # answered by the child that is there
        assert (found["model"], found["response"]) == ("GPT-4o:latest", "Hello")
        assert (await s.http.get("/api/status/gpt-4o")).json()["model"] == "m:7b"
        (tag,) = (await s.http.get("/api/ps")).json()["models"]
        assert tag["name"] == "m:7b"


async def test_a_variant_brings_its_own_settings_and_a_request_goes_before_them(service: MakeService) -> None:
    async with service(system="from the descriptor") as s:
        await create(
            s,
            system="be terse",
            template="{% for m in messages %}{{ m.content }}{% endfor %}",
            parameters={"num_predict": 1, "stop": "x", "num_ctx": 4096, "nonsense": 1},
            messages=[{"role": "user", "content": "2+2"}, {"role": "assistant", "content": "4"}],
            license="MIT",
        )
        first = await answer(s, "terse")
        assert (first["response"], first["done_reason"]) == ("Hel", "length")
        second = await answer(s, "terse", options={"num_predict": 2}, system="be long")
        assert second["response"] == "Hello"
        ours, theirs = s.tokenizer.specs
        assert [turn.content for turn in ours.messages] == ["be terse", "2+2", "4", "hi"]
        assert [turn.content for turn in theirs.messages] == ["be long", "2+2", "4", "hi"]
        assert ours.template.startswith("{% for")
        shown = (await s.http.post("/api/show", json={"model": "terse"})).json()
        assert shown["system"] == "be terse"
        assert shown["license"] == "MIT"
        assert shown["messages"][1] == {"role": "assistant", "content": "4"}
        assert shown["details"]["parent_model"] == "m:7b"
        lines = [line.split(None, 1) for line in shown["parameters"].splitlines()]
        assert ["num_predict", "1"] in lines
        assert ["stop", '"x"'] in lines
        assert "FROM m:7b" in shown["modelfile"]
        assert 'SYSTEM """be terse"""' in shown["modelfile"]
        assert "PARAMETER num_predict 1" in shown["modelfile"]


async def test_a_variant_of_a_variant_has_what_it_does_not_say_itself(service: MakeService) -> None:
    async with service() as s:
        await create(s, system="be terse", parameters={"num_predict": 5, "top_k": 3})
        await create(s, **{"model": "v2", "from": "terse", "parameters": {"top_k": 4}})
        await s.http.request("DELETE", "/api/delete", json={"model": "terse"})
        shown = (await s.http.post("/api/show", json={"model": "v2"})).json()
        assert shown["system"] == "be terse"
        assert shown["parameters"].split() == ["num_predict", "5", "top_k", "4"]
        assert shown["details"]["parent_model"] == "m:7b"


async def test_variants_outlive_the_service_and_the_descriptor_is_not_touched(
    service: MakeService, tmp_path: Path
) -> None:
    path = tmp_path / "state" / "variants.json"
    async with service(variants=path) as s:
        await create(s, system="be terse")
    assert path.stat().st_mode & 0o777 == 0o600
    async with service(variants=path) as s:
        assert await names(s) == ["m:7b", "terse:latest"]
        assert s.models.find("terse").system == "be terse"
        response = await s.http.request("DELETE", "/api/delete", json={"name": "terse"})
        assert (response.status_code, response.content) == (200, b"")
    async with service(variants=path) as s:
        assert await names(s) == ["m:7b"]


async def test_deleting_a_variant_unloads_it(service: MakeService) -> None:
    async with service() as s:
        await create(s)
        await answer(s, "terse")
        assert (await s.http.get("/api/ps")).json()["models"]
        await within(s.http.request("DELETE", "/api/delete", json={"model": "terse"}))
        assert (await s.http.get("/api/ps")).json() == {"models": []}
        response = await s.http.post("/api/show", json={"model": "terse"})
        assert response.status_code == 404


async def test_a_variant_whose_base_is_gone_is_listed_and_refused_with_the_reason(
    service: MakeService, tmp_path: Path
) -> None:
    path = tmp_path / "variants.json"
    async with service(variants=path) as s:
        await create(s)
    async with service(variants=path, model_name="new") as s:
        *_, orphan = (await s.http.get("/api/tags")).json()["models"]
        assert orphan["name"] == orphan["model"] == "terse:latest"
        assert "m:7b" in orphan["warning"]
        for call in (s.post(model="terse", prompt="hi"), s.http.post("/api/pull", json={"model": "terse"})):
            response = await call
            assert response.status_code == 404
            assert "it is a variant of 'm:7b', which the descriptor file has no more" in response.text
        response = await s.http.request("DELETE", "/api/delete", json={"model": "Terse:latest"})
        assert response.status_code == 200
        assert await names(s) == ["new:latest"]


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"from": ""}, 400, "neither 'from' or 'files' was specified"),
        ({"from": "nope"}, 404, "model 'nope' not found"),
        ({"model": "M:7b"}, 400, "is a name of the model 'm:7b' in the descriptor file"),
        ({"model": "has space"}, 400, "invalid model name"),
        ({"files": {"a.gguf": "sha256:1"}}, 400, "files is not supported"),
        ({"quantize": "q4_K_M"}, 400, "quantize is not supported"),
        ({"modelfile": "FROM m"}, 400, "modelfile is not supported: send its lines as from"),
        ({"template": "{{ if .System }}{{ .System }}{{ end }}"}, 400, "Go's template language"),
        ({"template": "{% for %}"}, 400, "the chat template is not valid: line 1"),
        ({"parameters": {"top_k": "many"}}, 400, 'option "top_k" must be of type integer'),
        ({"messages": [{"role": "tool", "content": "x"}]}, 400, "invalid value for messages.0.role"),
    ],
)
async def test_what_no_variant_can_be_made_of_is_refused_with_the_reason(
    service: MakeService, body: dict[str, Any], status: int, text: str
) -> None:
    async with service() as s:
        response = await s.http.post("/api/create", json={"model": "v", "from": "m:7b", **body})
        assert response.status_code == status
        assert text in response.json()["error"]
        assert await names(s) == ["m:7b"]


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"source": "nope", "destination": "v"}, 404, "model 'nope' not found"),
        ({"source": "m:7b", "destination": "a b"}, 400, 'destination "a b" is invalid'),
        ({"source": "m:7b", "destination": "other"}, 400, "is a name of the model 'other'"),
        ({"source": "m:7b"}, 400, "destination is required"),
    ],
)
async def test_what_cannot_be_copied_is_refused_with_the_reason(
    service: MakeService, body: dict[str, Any], status: int, text: str
) -> None:
    async with service(others=("other",)) as s:
        response = await s.http.post("/api/copy", json=body)
        assert response.status_code == status
        assert text in response.json()["error"]


async def test_a_model_of_the_descriptor_file_cannot_be_deleted(service: MakeService) -> None:
    async with service(aliases=["seven"]) as s:
        for name in ("m:7b", "seven"):
            response = await s.http.request("DELETE", "/api/delete", json={"model": name})
            assert response.status_code == 400
            assert "stands in the descriptor file" in response.json()["error"]
        response = await s.http.request("DELETE", "/api/delete", json={"model": "nope"})
        assert (response.status_code, response.json()) == (404, {"error": "model 'nope' not found"})


async def test_a_file_that_cannot_be_written_is_told_and_changes_nothing(
    service: MakeService, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    async with service(variants=blocked / "variants.json") as s:
        response = await s.http.post("/api/copy", json={"source": "m:7b", "destination": "v"})
        assert response.status_code == 500
        assert "--variants-file (AXM1_VARIANTS_FILE)" in response.json()["error"]
        assert await names(s) == ["m:7b"]


async def test_what_this_service_does_not_do_is_501_with_the_reason(service: MakeService) -> None:
    async with service() as s:
        for path in ("/api/push", "/api/blobs/sha256:1234"):
            response = await s.http.post(path, json={"model": "m:7b"})
            assert response.status_code == 501
            assert "is not supported" in response.json()["error"]
        assert (await s.http.head("/api/blobs/sha256:1234")).status_code == 501


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/generate"),
        ("GET", "/api/chat"),
        ("PUT", "/api/tags"),
        ("POST", "/api/ps"),
        ("GET", "/api/show"),
        ("POST", "/api/delete"),
        ("GET", "/api/copy"),
        ("DELETE", "/"),
    ],
)
async def test_a_wrong_method_is_405(service: MakeService, method: str, path: str) -> None:
    async with service() as s:
        response = await s.http.request(method, path)
        assert (response.status_code, response.json()) == (405, {"error": "405 method not allowed"})
