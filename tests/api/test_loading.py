from __future__ import annotations

import asyncio

import pytest

from api.conftest import MakeService
from engine.fakes import MARK, START_UP


async def test_a_model_is_loaded_for_the_time_that_was_asked_for_and_unloaded(service: MakeService) -> None:
    async with service() as s:
        loading = asyncio.create_task(s.http.post("/api/models/m:7b/load", params={"keep_alive": "10m"}))
        child = await s.spawn.child()
        child.start_up()
        response = await asyncio.wait_for(loading, 5)
        assert (response.status_code, response.json()["status"]) == (200, "ready")
        assert response.json()["expires_at"] is not None
        response = await s.http.post("/api/models/m:7b/unload")
        assert (response.status_code, response.json()["status"]) == (200, "idle")
        assert child.exited.done()


async def test_a_load_that_fails_names_the_reason_and_the_next_one_tries_again(service: MakeService) -> None:
    async with service() as s:
        loading = asyncio.create_task(s.http.post("/api/models/m:7b/load"))
        child = await s.spawn.child()
        child.say(b"[E][  Init][ 9]: device 0 cannot be opened\n[E][  Init][ 1]: axcl_Init(0) failed\n")
        child.exit(255)
        response = await asyncio.wait_for(loading, 5)
        assert response.status_code == 500
        error = response.json()["error"]
        assert "axcl_Init(0) failed" in error
        assert "the runtime said: device 0 cannot be opened" in error
        again = asyncio.create_task(s.http.post("/api/models/m:7b/load"))
        (await s.spawn.child()).say(START_UP + MARK)
        assert (await asyncio.wait_for(again, 5)).json()["status"] == "ready"


@pytest.mark.parametrize("verb", ["load", "unload"])
async def test_a_model_that_is_not_there_is_404(service: MakeService, verb: str) -> None:
    async with service() as s:
        response = await s.http.post(f"/api/models/no/such/{verb}")
        assert response.status_code == 404
        assert response.json() == {"error": "model 'no/such' not found"}


async def test_a_keep_alive_that_is_none_is_named(service: MakeService) -> None:
    async with service() as s:
        response = await s.http.post("/api/models/m:7b/load", params={"keep_alive": "long"})
        assert response.status_code == 400
        assert response.json()["error"].startswith("invalid keep_alive: 'long' is no duration")
