from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from structlog.testing import capture_logs

from api.conftest import MakeService, Service
from axm1_llm.engine.log import RuntimeLog
from engine.conftest import within
from engine.fakes import END, MARK, frames

FAILURE = b"[E][  Init][ 185]: init axmodel(m/l0.axmodel) failed\n"


@dataclass
class Follower:
    """A client of `?follow=1`, at the application's own seam: the test client waits for a response's end."""

    app: Any
    query: bytes
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    sent: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    _asked: bool = False

    async def run(self) -> None:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "path": "/api/logs/m:7b",
            "raw_path": b"/api/logs/m:7b",
            "query_string": self.query,
            "root_path": "",
            "scheme": "http",
            "headers": [],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }
        await self.app(scope, self._receive, self.sent.put)

    async def _receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def message(self) -> Any:
        return await within(self.sent.get())

    async def text(self) -> str:
        return str((await self.message())["body"], "utf-8")

    async def lines(self, count: int) -> list[str]:
        """The next lines; how many come at a time is not told."""
        got: list[str] = []
        while len(got) < count:
            got += (await self.text()).splitlines()
        return got


@asynccontextmanager
async def following(s: Service, query: bytes = b"follow=1") -> AsyncIterator[tuple[Follower, Any]]:
    follower = Follower(s.app, query)
    task = asyncio.create_task(follower.run())
    try:
        assert (await follower.message())["status"] == 200
        yield follower, task
    finally:
        task.cancel()
        await asyncio.wait((task,), timeout=5)


async def lines_of(s: Service, query: str = "") -> list[str]:
    response = await s.http.get(f"/api/logs/m:7b{query}")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    return response.text.splitlines()


async def test_a_model_that_never_ran_has_an_empty_log(service: MakeService) -> None:
    async with service() as s:
        assert await lines_of(s) == []


async def test_the_last_lines_of_the_runtime_are_shown_oldest_first(service: MakeService) -> None:
    async with service() as s:
        await s.answered(model="m:7b", prompt="hi")
        lines = await lines_of(s)
        assert lines == ["LLM init start", "max_token_len : 1024", "LLM init ok", "hit eos,avg 96.85 token/s"]
        assert await lines_of(s, "?lines=2") == lines[-2:]
        assert await lines_of(s, "?lines=0") == []
        assert await lines_of(s, "?lines=999999999") == lines


async def test_the_lines_of_a_life_that_ended_badly_are_still_there(service: MakeService) -> None:
    async with service() as s:
        request = asyncio.create_task(s.post(model="m:7b"))
        child = await s.spawn.child()
        child.say(FAILURE)
        child.exit(255)
        assert (await within(request)).status_code == 500
        assert await lines_of(s) == ["init axmodel(m/l0.axmodel) failed"]


async def test_neither_prompt_nor_answer_is_in_the_log(service: MakeService) -> None:
    async with service() as s:
        answer = frames("secret", " answer\n") + frames("more secrets") + END + MARK
        with capture_logs() as logs:
            response = await s.answered(answer, model="m:7b", prompt="a secret question", stream=False)
        assert response.json()["response"] == "secret answer\nmore secrets"
        assert not any("secret" in line for line in await lines_of(s))
        assert "secret" not in str(logs)


async def test_who_follows_gets_the_last_lines_and_then_each_one_as_it_comes(service: MakeService) -> None:
    async with service() as s:
        child_of = asyncio.create_task(s.answering())
        await within(s.post(model="m:7b", prompt="hi", stream=False))
        child = await child_of
        async with following(s, b"follow=1&lines=1") as (follower, _):
            assert await follower.text() == "hit eos,avg 96.85 token/s\n"
            child.say(b"[W][ Run][ 1]: it is getting warm\nplain words\n")
            assert await follower.lines(2) == ["it is getting warm", "plain words"]
            child.say(b"[W][ Run][ 1]: hotter\n")
            assert await follower.lines(1) == ["hotter"]


async def test_a_follower_sees_the_next_life_too(service: MakeService) -> None:
    async with service() as s:
        await s.answered(model="m:7b", prompt="hi")
        async with following(s, b"follow=true&lines=0") as (follower, _):
            assert await follower.text() == ""
            await within(s.scheduler.unload("m:7b"))
            await s.answered(model="m:7b", prompt="hi")
            assert (await follower.lines(3))[0] == "LLM init start"


async def test_a_follower_that_leaves_leaves_nothing_behind(service: MakeService) -> None:
    async with service() as s:
        before = asyncio.all_tasks()
        async with following(s) as (follower, task):
            await follower.text()
            follower.gone.set()
            await within(task)
            assert asyncio.all_tasks() <= before


async def test_a_service_that_leaves_ends_the_stream_of_a_follower(service: MakeService) -> None:
    async with service() as s, following(s) as (follower, task):
        await follower.text()
        await s.scheduler.leave()
        assert await follower.message() == {"type": "http.response.body", "body": b"", "more_body": False}
        await within(task)


async def test_each_of_several_followers_gets_all_lines_and_a_late_one_what_is_kept() -> None:
    log = RuntimeLog()
    waiting = [asyncio.create_task(log.since(0)) for _ in range(3)]
    await asyncio.sleep(0)
    log.add("one")
    assert await within(asyncio.gather(*waiting)) == [("one",)] * 3
    for number in range(10_000):
        log.add(str(number))
    late = await within(log.since(1))
    assert late[-1] == "9999"
    assert len(late) == len(log.last(10_000)) < 10_000


async def test_an_unknown_model_has_no_log(service: MakeService) -> None:
    async with service() as s:
        response = await s.http.get("/api/logs/x")
        assert (response.status_code, response.json()) == (404, {"error": "model 'x' not found"})


@pytest.mark.parametrize(
    "query", ["lines=-1", "lines=many", "lines=", "lines=²", "lines=1.5", "follow=maybe"]
)
async def test_a_wrong_query_is_400(service: MakeService, query: str) -> None:
    async with service() as s:
        response = await s.http.get(f"/api/logs/m:7b?{query}")
        assert response.status_code == 400
        assert query.partition("=")[0] in response.json()["error"]


async def test_with_keys_the_log_needs_one(service: MakeService) -> None:
    async with service(api_keys=("key",)) as s:
        assert (await s.http.get("/api/logs/m:7b")).status_code == 401
