from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

from api.conftest import MakeService
from axm1_llm.descriptors.reading import Reading
from engine.conftest import within
from engine.fakes import END, MARK, START_UP, frames


async def test_a_model_that_was_never_asked_is_idle(service: MakeService) -> None:
    async with service() as s:
        body = (await s.http.get("/api/status/m:7b")).json()
        assert (body["status"], body["progress"], body["prompt"], body["failure"]) == (
            "idle",
            None,
            None,
            None,
        )
        assert body["transitions"] == []
        assert datetime.fromisoformat(body["since"]).tzinfo


async def test_while_it_loads_the_progress_is_shown(service: MakeService) -> None:
    async with service() as s:
        request = asyncio.create_task(s.post(model="m:7b"))
        child = await s.spawn.child()
        child.say(START_UP)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        body = (await s.http.get("/api/status/m:7b")).json()
        assert body["status"] == "initializing"
        assert body["progress"] == {
            "stage": "init 0 axmodel ok,devid(0) remain_cmm(6433 MB)",
            "layer": 1,
            "layers": -1,
            "percent": 50,
            "cmm_remaining_mb": 6433,
        }
        child.say(MARK)
        await within(request)


async def test_the_prompt_in_hand_is_shown_with_its_phase_and_speed(service: MakeService) -> None:
    async with service() as s:
        request = asyncio.create_task(s.post(model="m:7b", prompt="hi"))
        child = await s.spawn.child()
        child.start_up()
        await child.prompt()
        prompt = (await s.http.get("/api/status/m:7b")).json()["prompt"]
        assert (prompt["phase"], prompt["prompt_tokens"], prompt["generated_tokens"]) == ("prefill", 7, 0)
        child.say(frames("a", "b", "c"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        prompt = (await s.http.get("/api/status/m:7b")).json()["prompt"]
        assert (prompt["phase"], prompt["generated_tokens"]) == ("decode", 3)
        assert prompt["tokens_per_second"] > 0
        child.say(END + MARK)
        await within(request)
        transitions = (await s.http.get("/api/status/m:7b")).json()["transitions"]
        assert [each["to"] for each in transitions][-3:] == ["processing_prompt", "outputting", "ready"]


async def test_a_failure_is_shown_with_its_reason_and_the_runtimes_last_lines(service: MakeService) -> None:
    async with service() as s:
        request = asyncio.create_task(s.post(model="m:7b"))
        child = await s.spawn.child()
        child.say(b"[E][  Init][ 185]: init axmodel(m/l0.axmodel) failed\n")
        child.exit(255)
        assert (await within(request)).status_code == 500
        body = (await s.http.get("/api/status/m:7b")).json()
        assert body["status"] == "failed"
        assert body["failure"] == {
            "reason": "init axmodel(m/l0.axmodel) failed",
            "log": ["init axmodel(m/l0.axmodel) failed"],
        }
        assert body["transitions"][-1]["reason"] == "init axmodel(m/l0.axmodel) failed"


async def test_all_models_and_the_whole_history_can_be_asked(service: MakeService) -> None:
    async with service() as s:
        await s.answered(model="m:7b", prompt="hi")
        (only,) = (await s.http.get("/api/status")).json()["models"]
        assert (only["model"], only["status"]) == ("m:7b", "ready")
        history = (await s.http.get("/api/status/m:7b/history")).json()
        assert history["model"] == "m:7b"
        assert history["transitions"][0]["trigger"] == "load"


async def test_how_the_descriptor_file_was_read_is_told(service: MakeService) -> None:
    async with service() as s:
        s.models.reading = Reading(Path("/model/model-descriptor.json"), 0.0, ("[0].x: is no known key",))
        assert (await s.http.get("/api/status")).json()["descriptor"] == {
            "file": "/model/model-descriptor.json",
            "read_at": "1970-01-01T00:00:00.000000Z",
            "problems": ["[0].x: is no known key"],
        }


async def test_an_unknown_model_is_404_in_the_envelope(service: MakeService) -> None:
    async with service() as s:
        for path in ("/api/status/x", "/api/status/x/history"):
            response = await s.http.get(path)
            assert (response.status_code, response.json()) == (404, {"error": "model 'x' not found"})


async def test_ready_waits_for_the_models_that_run_from_start_up_on(service: MakeService) -> None:
    async with service(run_on_startup="true") as s:
        response = await s.http.get("/ready")
        assert (response.status_code, response.json()["waiting_for"]) == (503, ["m:7b"])
        assert (await s.http.get("/health")).status_code == 200
        child = await s.spawn.child()
        child.start_up()
        await within(s.scheduler.find("m:7b").load())
        assert (await s.http.get("/ready")).status_code == 200


async def test_the_small_routes_answer_as_ollamas_clients_expect(service: MakeService) -> None:
    async with service(details={"family": "qwen2"}) as s:
        for method in ("GET", "HEAD"):
            for path in ("/", "/api/version", "/api/tags"):
                assert (await s.http.request(method, path)).status_code == 200
        assert (await s.http.get("/")).text == "Ollama is running"
        version = (await s.http.get("/api/version")).json()["version"]
        assert all(part.isdigit() for part in version.split("."))
        (tag,) = (await s.http.get("/api/tags")).json()["models"]
        assert tag["name"] == tag["model"] == "m:7b"
        assert len(tag["digest"]) == 64
        assert tag["details"]["family"] == "qwen2"
        assert datetime.fromisoformat(tag["modified_at"]).tzinfo


async def test_wrong_paths_and_methods_are_told_in_the_envelope(service: MakeService) -> None:
    async with service() as s:
        assert (await s.http.get("/nowhere")).json() == {"error": "404 page not found"}
        response = await s.http.get("/api/generate")
        assert (response.status_code, response.json()) == (405, {"error": "405 method not allowed"})


async def test_the_metrics_count_what_was_answered(service: MakeService) -> None:
    async with service() as s:
        await s.answered(model="m:7b", prompt="hi")
        text = (await s.http.get("/metrics")).text
        assert 'axm1_llm_generated_tokens_total{model="m:7b"} 2.0' in text
