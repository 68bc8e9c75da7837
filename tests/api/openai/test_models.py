from __future__ import annotations

import os
from pathlib import Path

from api.conftest import MakeService


async def test_models_are_listed_with_the_time_of_their_folder(service: MakeService, tmp_path: Path) -> None:
    os.utime(tmp_path, (0, 1_700_000_000))
    async with service() as s:
        found = (await s.http.get("/v1/models")).json()
        model = {"id": "m:7b", "object": "model", "created": 1_700_000_000, "owned_by": "library"}
        assert found == {"object": "list", "data": [model]}


async def test_a_model_is_found_by_any_of_its_names_slashes_and_all(service: MakeService) -> None:
    async with service(aliases=["org/model"]) as s:
        assert (await s.http.get("/v1/models/org/model")).json()["id"] == "org/model"
        assert (await s.http.get("/v1/models/m:7b")).json()["id"] == "m:7b"
        response = await s.http.get("/v1/models/nope")
        assert (response.status_code, response.json()["error"]["type"]) == (404, "not_found_error")


async def test_a_model_whose_folder_is_gone_is_listed_all_the_same(service: MakeService) -> None:
    async with service(model_path="/nowhere/at/all") as s:
        (model,) = (await s.http.get("/v1/models")).json()["data"]
        assert (model["id"], model["created"]) == ("m:7b", 0)
