from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter
from structlog.testing import capture_logs

from axm1_llm.descriptors import ModelDescriptor
from axm1_llm.errors import (
    ModelNotFoundError,
    PromptTooLongError,
    RequestError,
    RequestTooLargeError,
    TokenizerError,
)
from axm1_llm.tokenizer.client import TOKEN_HEADER
from axm1_llm.tokenizer.prompts import Message, PromptSpec
from axm1_llm.tokenizer.reaching import reached
from axm1_llm.tokenizer.replies import Asking, read_body
from axm1_llm.tokenizer.service import TokenizerService, app_of
from tokenizer.conftest import free_port, serving
from tokenizer.runtime_calls import call

TOKEN = "a-token-of-the-tests"
HI = PromptSpec(messages=(Message("user", "Hi"),))

Serve = Callable[..., Awaitable[Any]]
Describe = Callable[..., ModelDescriptor]


async def ask(url: str, method: str, path: str, **keys: Any) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.request(method, url + path, timeout=10, **keys)


async def test_a_tokenizer_is_started_watched_and_stopped(
    serve: Serve, describe: Describe, tiny: Path
) -> None:
    descriptor = describe(tokenizer_path=tiny, aliases=("small",))
    running = await serve(descriptor)
    assert (await ask(running.url, "GET", "/api/status/tiny")).json()["status"] == "idle"
    started = await ask(running.url, "POST", "/api/start/small")
    assert (started.status_code, started.json()["status"]) == (200, "ready")
    assert started.json()["tokenizer_port"] == descriptor.tokenizer_port
    port = descriptor.tokenizer_port or 0
    assert (await asyncio.to_thread(call, port, "GET", "/bos_id")).content == {"bos_id": -1}
    stopped = await ask(running.url, "POST", "/api/stop/tiny", headers={TOKEN_HEADER: TOKEN})
    assert stopped.json()["status"] == "idle"
    with pytest.raises(ConnectionRefusedError):
        await asyncio.to_thread(call, port, "GET", "/bos_id")
    history = (await ask(running.url, "GET", "/api/status/tiny/history")).json()["transitions"]
    assert [(move["from"], move["to"]) for move in history] == [
        ("idle", "starting"),
        ("starting", "ready"),
        ("ready", "stopping"),
        ("stopping", "idle"),
    ]
    assert history[0]["at"].endswith("Z")


async def test_a_name_means_the_same_model_as_at_the_llm_service(
    serve: Serve, describe: Describe, tiny: Path
) -> None:
    running = await serve(describe(tokenizer_path=tiny, aliases=("small",)))
    for name in ("tiny", "tiny:latest", "Tiny", "small", "small:latest"):
        assert (await ask(running.url, "GET", f"/api/status/{name}")).json()["model"] == "tiny"


async def test_starting_what_runs_returns_at_once_and_starts_nothing(
    serve: Serve, describe: Describe, tiny: Path
) -> None:
    running = await serve(describe(tokenizer_path=tiny))
    await asyncio.gather(*(running.client.start("tiny") for _ in range(5)))
    await running.client.start("tiny")
    found = (await ask(running.url, "GET", "/api/status/tiny")).json()
    assert [move["to"] for move in found["transitions"]] == ["starting", "ready"]


async def test_a_stopped_tokenizer_can_be_started_again(serve: Serve, describe: Describe, tiny: Path) -> None:
    running = await serve(describe(tokenizer_path=tiny))
    await running.client.start("tiny")
    await ask(running.url, "POST", "/api/stop/tiny", headers={TOKEN_HEADER: TOKEN})
    with pytest.raises(TokenizerError, match="start it first"):
        await running.client.open_ticket("tiny", HI)
    await running.client.start("tiny")
    assert (await running.client.open_ticket("tiny", HI)).prompt_tokens > 0


async def test_a_port_that_is_taken_is_named_and_can_be_freed(
    serve: Serve, describe: Describe, tiny: Path
) -> None:
    descriptor = describe(tokenizer_path=tiny)
    running = await serve(descriptor)
    with socket.create_server(("127.0.0.1", descriptor.tokenizer_port or 0)):
        with pytest.raises(TokenizerError, match=f"tokenizer_port {descriptor.tokenizer_port}"):
            await running.client.start("tiny")
        assert (await ask(running.url, "GET", "/api/status/tiny")).json()["status"] == "failed"
    await running.client.start("tiny")


async def test_files_that_are_missing_are_named(serve: Serve, describe: Describe, tmp_path: Path) -> None:
    running = await serve(describe(tokenizer_path=tmp_path))
    with pytest.raises(TokenizerError, match=r"holds no tokenizer\.json"):
        await running.client.start("tiny")
    found = (await ask(running.url, "GET", "/api/status/tiny")).json()
    assert "tokenizer.json" in found["failure"]["reason"]
    assert found["transitions"][-1]["reason"] == found["failure"]["reason"]


async def test_a_folder_that_is_missing_is_named(serve: Serve, describe: Describe, tmp_path: Path) -> None:
    running = await serve(describe(tokenizer_path=tmp_path / "no"))
    with pytest.raises(TokenizerError, match="tokenizer_path"):
        await running.client.start("tiny")


async def test_a_model_with_a_tokenizer_of_its_own_has_none_to_start(
    serve: Serve, describe: Describe
) -> None:
    running = await serve(describe(tokenizer="none", tokenizer_port=None))
    with pytest.raises(RequestError, match="none"):
        await running.client.start("tiny")


async def test_an_unknown_model_is_not_found(serve: Serve, describe: Describe, tiny: Path) -> None:
    running = await serve(describe(tokenizer_path=tiny))
    for path, method in (
        ("/api/status/x", "GET"),
        ("/api/status/x/history", "GET"),
        ("/api/start/x", "POST"),
    ):
        reply = await ask(running.url, method, path)
        assert (reply.status_code, reply.json()["error"]) == (404, "model 'x' not found")
    with pytest.raises(ModelNotFoundError):
        await running.client.start("x")
    with pytest.raises(ModelNotFoundError):
        await running.client.open_ticket("x", HI)


async def test_a_model_name_with_a_slash_and_a_colon_works_everywhere(
    serve: Serve, describe: Describe, tiny: Path
) -> None:
    name = "maker/tiny:1b"
    running = await serve(describe(model_name=name, tokenizer_path=tiny))
    await running.client.start(name)
    await running.client.open_ticket(name, HI)
    assert (await ask(running.url, "GET", f"/api/status/{name}")).json()["model"] == name
    assert (await ask(running.url, "GET", f"/api/status/{name}/history")).json()["model"] == name


async def test_a_web_page_starts_no_tokenizer_and_a_program_of_this_machine_does(
    serve: Serve, describe: Describe, tiny: Path
) -> None:
    running = await serve(describe(tokenizer_path=tiny))
    refused = await ask(running.url, "POST", "/api/start/tiny", headers={"Origin": "http://a.page"})
    assert (refused.status_code, "programs of this machine" in refused.json()["error"]) == (403, True)
    assert (await ask(running.url, "GET", "/api/status/tiny")).json()["status"] == "idle"
    assert (await ask(running.url, "POST", "/api/start/tiny")).status_code == 200


async def test_another_machine_starts_a_tokenizer_with_the_token_only(describe: Describe, tiny: Path) -> None:
    app = app_of(TokenizerService([describe(tokenizer_path=tiny)], TOKEN, "127.0.0.1", {}))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, client=("192.0.2.7", 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://tokenizer-service") as http:
            assert (await http.post("/api/start/tiny")).status_code == 403
            assert (await http.get("/api/status/tiny")).json()["status"] == "idle"
            assert (await http.post("/api/start/tiny", headers={TOKEN_HEADER: TOKEN})).status_code == 200


async def test_without_the_token_nothing_internal_is_told(
    serve: Serve, describe: Describe, tiny: Path
) -> None:
    running = await serve(describe(tokenizer_path=tiny), token="wrong")
    await running.client.start("tiny")
    with pytest.raises(TokenizerError, match="token"):
        await running.client.open_ticket("tiny", HI)
    internal = ("tickets", "tickets/x/close", "templates", "counts")
    for path in (*(f"/internal/{each}" for each in internal), "/api/stop/tiny"):
        assert (await ask(running.url, "POST", path, json={})).status_code == 403
    assert (await ask(running.url, "GET", "/api/status")).json()["models"][0]["status"] == "ready"


async def test_a_prompt_is_counted_without_a_ticket(serve: Serve, describe: Describe, tiny: Path) -> None:
    running = await serve(describe(tokenizer_path=tiny))
    await running.client.start("tiny")
    counted = await running.client.count("tiny", HI)
    assert counted == (await running.client.open_ticket("tiny", HI)).prompt_tokens
    with pytest.raises(RequestError, match="either messages or a text"):
        await running.client.count("tiny", PromptSpec())


async def test_the_chat_template_can_be_read_before_the_tokenizer_runs(
    serve: Serve, describe: Describe, tiny: Path
) -> None:
    running = await serve(describe(tokenizer_path=tiny, chat_template="{{ messages }}"))
    assert await running.client.chat_template("tiny") == "{{ messages }}"
    assert (await ask(running.url, "GET", "/api/status")).json()["models"][0]["status"] == "idle"


async def test_files_that_cannot_be_read_are_named_instead_of_a_template(
    serve: Serve, describe: Describe, tmp_path: Path
) -> None:
    running = await serve(describe(tokenizer_path=tmp_path))
    with pytest.raises(TokenizerError, match=r"holds no tokenizer\.json"):
        await running.client.chat_template("tiny")


async def test_a_prompt_that_is_too_long_is_refused_with_both_numbers(
    serve: Serve, describe: Describe, tiny: Path
) -> None:
    running = await serve(describe(tokenizer_path=tiny))
    await running.client.start("tiny")
    whole = await running.client.open_ticket("tiny", HI)
    with pytest.raises(PromptTooLongError) as caught:
        await running.client.open_ticket("tiny", PromptSpec(messages=HI.messages, limit=5))
    assert (caught.value.tokens, caught.value.limit) == (whole.prompt_tokens, 5)


async def test_a_template_that_refuses_the_messages_is_a_bad_request(
    serve: Serve, describe: Describe, tiny: Path
) -> None:
    running = await serve(describe(tokenizer_path=tiny))
    await running.client.start("tiny")
    with pytest.raises(RequestError, match="no such turn"):
        await running.client.open_ticket(
            "tiny", PromptSpec(messages=HI.messages, template="{{ raise_exception('no such turn') }}")
        )
    for spec in (PromptSpec(), PromptSpec(messages=HI.messages, text="x")):
        with pytest.raises(RequestError, match="either"):
            await running.client.open_ticket("tiny", spec)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b'{"model": "tiny", "spec": {"messages": [{"role": "SECRET"}]}}']
)
async def test_a_body_that_makes_no_sense_is_refused_without_being_quoted(
    serve: Serve, describe: Describe, tiny: Path, body: bytes
) -> None:
    running = await serve(describe(tokenizer_path=tiny))
    reply = await ask(running.url, "POST", "/internal/tickets", content=body, headers={TOKEN_HEADER: TOKEN})
    assert (reply.status_code, reply.json()["code"]) == (400, "request")
    assert "SECRET" not in reply.text


def test_no_text_of_a_body_is_kept_for_the_next_one() -> None:
    adapter = TypeAdapter(Asking)
    first, second = (read_body(adapter, b'{"model": "a short text"}').model for _ in range(2))
    assert first == second
    assert first is not second  # pydantic's own parser gives the same object: it has kept it


async def test_neither_prompts_nor_answers_are_logged(serve: Serve, describe: Describe, tiny: Path) -> None:
    descriptor = describe(tokenizer_path=tiny)
    running = await serve(descriptor)
    port = descriptor.tokenizer_port or 0
    with capture_logs() as logs:
        await running.client.start("tiny")
        ticket = await running.client.open_ticket("tiny", PromptSpec(messages=(Message("user", "secret"),)))
        await asyncio.to_thread(call, port, "POST", "/encode", {"text": ticket.line})
        await asyncio.to_thread(call, port, "POST", "/encode", {"text": "secret"})
        await asyncio.to_thread(call, port, "POST", "/decode", {"token_ids": [1, 2]})
        await asyncio.to_thread(call, port, "POST", "/decode", {"token_ids": "secret"})
        await running.client.close_ticket(ticket.line, printed=2)
    assert logs
    assert "secret" not in str(logs)
    assert ticket.line not in str(logs)


async def test_everything_that_a_prompt_can_hold_arrives(
    serve: Serve, describe: Describe, tiny: Path
) -> None:
    running = await serve(describe(tokenizer_path=tiny))
    await running.client.start("tiny")
    seen = "{{ [messages, tools, enable_thinking, reasoning_effort] | tojson }}"
    tools = ({"type": "function", "function": {"name": "f"}},)
    call = {"type": "function", "id": "c", "function": {"name": "f", "arguments": {"a": 1}}}
    extra = {"tool_calls": [call]}
    spec = PromptSpec(messages=(Message("assistant", "é", extra),), tools=tools, think="high", template=seen)
    ticket = await running.client.open_ticket("tiny", spec)
    told = [[{"role": "assistant", "content": "é", **extra}], list(tools), True, "high"]
    # A token is a byte: the number of tokens is that of the text that the template rendered.
    assert ticket.prompt_tokens == len(json.dumps(told, ensure_ascii=False).encode())


async def test_the_service_tells_that_it_runs(serve: Serve, describe: Describe, tiny: Path) -> None:
    running = await serve(describe(tokenizer_path=tiny))
    for path in ("/", "/health"):
        assert (await ask(running.url, "GET", path)).status_code == 200


async def test_the_file_is_read_again_for_a_model_that_the_llm_service_has_and_this_one_has_not_yet(
    describe: Describe, tiny: Path
) -> None:
    first = describe(tokenizer_path=tiny)
    second = describe(model_name="second", tokenizer_path=tiny)
    reads: list[int] = []

    async def read_again() -> None:
        reads.append(1)
        service.apply([first, second])

    service = TokenizerService([first], TOKEN, "127.0.0.1", {}, read_again)
    async with serving(app_of(service), TOKEN) as running:
        await running.client.start("tiny")
        assert reads == []
        await running.client.start("second")
        assert reads == [1]
        assert (await running.client.open_ticket("second", HI)).prompt_tokens > 0


async def test_a_runtime_that_is_about_to_start_gets_the_tokenizer_that_the_file_describes_now(
    describe: Describe, tiny: Path
) -> None:
    before = describe(tokenizer_path=tiny)
    now = before.model_copy(update={"tokenizer_port": free_port(), "chat_template": "now {{ messages }}"})

    async def read_again() -> None:
        service.apply([now])

    service = TokenizerService([before], TOKEN, "127.0.0.1", {}, read_again)
    async with serving(app_of(service), TOKEN) as running:
        await running.client.start("tiny")
        assert await running.client.chat_template("tiny") == "now {{ messages }}"
        # The runtime that runs goes on with what it has.
        await running.client.start("tiny")
        found = (await ask(running.url, "GET", "/api/status/tiny")).json()
        assert (found["tokenizer_port"], found["status"]) == (before.tokenizer_port, "ready")
        await running.client.start("tiny", anew=True)
        found = (await ask(running.url, "GET", "/api/status/tiny")).json()
        assert (found["tokenizer_port"], found["status"]) == (now.tokenizer_port, "ready")


async def test_only_the_llm_service_may_have_a_tokenizer_exchanged(
    serve: Serve, describe: Describe, tiny: Path
) -> None:
    running = await serve(describe(tokenizer_path=tiny))
    refused = await ask(running.url, "POST", "/internal/starts", json={"model": "tiny"})
    assert refused.status_code == 403


async def test_a_model_that_is_unknown_for_a_moment_is_asked_for_again() -> None:
    asked: list[int] = []

    async def ask_for_it() -> str:
        asked.append(1)
        if len(asked) < 3:
            raise ModelNotFoundError("new")
        return "there"

    async with asyncio.timeout(5):
        assert await reached(ask_for_it, 0.0, unknown=4.0) == "there"
    asked.clear()
    with pytest.raises(ModelNotFoundError):
        await reached(ask_for_it, 4.0)
    assert asked == [1]


async def test_a_prompt_that_is_far_too_large_is_413_and_says_so(
    serve: Serve, describe: Describe, tiny: Path
) -> None:
    running = await serve(describe(tokenizer_path=tiny))
    await running.client.start("tiny")
    prompt = PromptSpec(text="x" * (8 * 1024 * 1024))
    with pytest.raises(RequestTooLargeError, match="more than 8388608 bytes"):
        await running.client.open_ticket("tiny", prompt)
