from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import Request

from axm1_llm.api.presence import while_present
from axm1_llm.errors import RequestCancelledError
from engine.conftest import within


def _request(gone: asyncio.Event) -> Request:
    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    return Request({"type": "http"}, receive)


async def test_work_whose_client_leaves_is_given_up() -> None:
    gone, given_up = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    task = asyncio.create_task(while_present(_request(gone), work()))
    await asyncio.sleep(0)
    gone.set()
    with pytest.raises(RequestCancelledError):
        await within(task)
    await within(given_up.wait())


async def test_the_result_of_work_and_its_error_reach_a_client_that_stays() -> None:
    async def work(answer: int) -> int:
        await asyncio.sleep(0)
        return 1 // answer

    before = asyncio.all_tasks()
    assert await within(while_present(_request(asyncio.Event()), work(1))) == 1
    with pytest.raises(ZeroDivisionError):
        await within(while_present(_request(asyncio.Event()), work(0)))
    await asyncio.sleep(0)
    assert asyncio.all_tasks() <= before
