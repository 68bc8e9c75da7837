"""The whole way with a model's own tokenizer script, a real child process that also misbehaves."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from axm1_llm.descriptors import ModelDescriptor
from axm1_llm.errors import PromptTooLongError, RequestError, TokenizerError
from axm1_llm.tokenizer.client import TokenizerClient
from axm1_llm.tokenizer.prompts import Message, PromptSpec
from tokenizer.processes import until_nobody_works_in, until_working_in, working_in
from tokenizer.runtime_calls import Runtime, unframed

SCRIPT = Path(__file__).with_name("vendor_script.py")


@dataclass(frozen=True, slots=True)
class Desk:
    """A model with a script: where the service is, its client, its runtime, the script's folder."""

    url: str
    client: TokenizerClient
    runtime: Runtime
    folder: Path

    def breaks(self, fault: str) -> None:
        """From its next call on the script does this."""
        draft = self.folder / "draft"
        draft.write_text(fault, "utf-8")
        draft.rename(self.folder / "broken")

    def mends(self) -> None:
        (self.folder / "broken").unlink(missing_ok=True)

    async def status(self) -> dict[str, Any]:
        async with httpx.AsyncClient(trust_env=False) as http:
            content: dict[str, Any] = (await http.get(f"{self.url}/api/status/tiny")).json()
            return content

    async def until(self, status: str, transitions: int = 0) -> dict[str, Any]:
        """Wait for a state; bounded by the caller."""
        while True:
            found = await self.status()
            if found["status"] == status and len(found["transitions"]) >= transitions:
                return found
            await asyncio.sleep(0.01)


@pytest.fixture
async def scripted(
    serve: Callable[..., Awaitable[Any]], describe: Callable[..., ModelDescriptor], tmp_path: Path
) -> Callable[..., Awaitable[Desk]]:
    """Makes a model whose script has these faults; not started."""

    async def make(*faults: str) -> Desk:
        folder = tmp_path / "scripted"
        folder.mkdir()
        shutil.copy(SCRIPT, folder / "tokenizer.py")
        descriptor = describe(
            tokenizer_path=folder, tokenizer_py="tokenizer.py", env={"SCRIPT": " ".join(faults)}
        )
        running = await serve(descriptor)
        assert descriptor.tokenizer_port is not None
        return Desk(running.url, running.client, Runtime(descriptor.tokenizer_port), folder)

    return make


Scripted = Callable[..., Awaitable[Desk]]


def user(text: str, **keys: Any) -> PromptSpec:
    return PromptSpec(messages=(Message("user", text),), **keys)


@pytest.mark.parametrize("fault", ["", "--no-host", "--context"])
async def test_a_script_of_any_kind_is_started_and_its_ids_are_kept_under_the_ticket(
    scripted: Scripted, fault: str
) -> None:
    desk = await scripted(fault)
    await desk.client.start("tiny")
    ticket = await desk.client.open_ticket("tiny", user("Hi 👋\n"))
    ids = await desk.runtime.encode(ticket.line)
    assert bytes(ids).decode().endswith("[user]Hi 👋\n[assistant]")
    assert ticket.prompt_tokens == len(ids)


@pytest.mark.parametrize("fault", ["", "--context"])
@pytest.mark.parametrize("stopped", [False, True])
async def test_no_character_is_broken_that_the_script_alone_would_break(
    scripted: Scripted, fault: str, *, stopped: bool
) -> None:
    desk = await scripted(fault)
    await desk.client.start("tiny")
    ticket = await desk.client.open_ticket("tiny", user("Hi"))
    await desk.runtime.encode(ticket.line)
    text = "Hello 世界 👋, and some more text for the window. 🎉"
    ids = list(text.encode())
    printed = await desk.runtime.answer(ids, stopped=stopped)
    frames = unframed(desk.runtime.printed)
    record = await desk.client.close_ticket(ticket.line, printed=printed)
    assert len(frames) == printed
    assert "".join(str(frame) for frame in frames) + "".join(record.tail) == text
    assert (record.tokens, record.undecoded) == (len(ids), False)


async def test_a_whole_answer_at_once_is_one_call_of_the_script(scripted: Scripted) -> None:
    desk = await scripted()
    await desk.client.start("tiny")
    ticket = await desk.client.open_ticket("tiny", user("Hi"))
    await desk.runtime.encode(ticket.line)
    ids = list(b"x" * 3000)
    async with asyncio.timeout(5):
        printed = await desk.runtime.answer(ids, live_print=False)
    frames = unframed(desk.runtime.printed)
    assert (len(frames), "".join(str(frame) for frame in frames)) == (3000, "x" * 3000)
    assert (await desk.client.close_ticket(ticket.line, printed=printed)).tokens == 3000


async def test_a_conversation_reaches_a_script_as_one_user_turn(scripted: Scripted) -> None:
    desk = await scripted()
    await desk.client.start("tiny")
    talk = [("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello"), ("user", "Bye")]
    spec = PromptSpec(messages=tuple(Message(role, content) for role, content in talk))
    ticket = await desk.client.open_ticket("tiny", spec)
    ids = await desk.runtime.encode(ticket.line)
    assert bytes(ids).decode() == "[user]Be kind.\n\nUser: Hi\nAssistant: Hello\nUser: Bye[assistant]"
    cut = await desk.client.open_ticket("tiny", PromptSpec(messages=spec.messages, limit=40))
    ids = await desk.runtime.encode(cut.line)
    assert bytes(ids).decode() == "[user]Be kind.\n\nBye[assistant]"
    with pytest.raises(PromptTooLongError):
        await desk.client.open_ticket("tiny", PromptSpec(messages=spec.messages, limit=40, truncate=False))


async def test_a_script_for_context_builds_gets_the_system_prompt_as_one_and_keeps_no_turns(
    scripted: Scripted,
) -> None:
    desk = await scripted("--context")
    await desk.client.start("tiny")
    spec = PromptSpec(messages=(Message("system", "Be kind."), Message("user", "Hi")))
    for _ in range(2):
        ticket = await desk.client.open_ticket("tiny", spec)
        ids = await desk.runtime.encode(ticket.line)
        assert bytes(ids).decode() == "[system]Be kind.[user]Hi[assistant]"


async def test_a_script_whose_prompts_open_thinking_is_found_out(scripted: Scripted) -> None:
    desk = await scripted("--thinks")
    await desk.client.start("tiny")
    assert (await desk.client.open_ticket("tiny", user("Hi"))).opens_thinking


async def test_a_script_that_sees_is_asked_once_more_when_the_picture_is_known(scripted: Scripted) -> None:
    desk = await scripted("--sees")
    await desk.client.start("tiny")
    assert (await desk.runtime.call("GET", "/img_context_token")).content == {"img_context_token": 2}
    talk = (Message("system", "Be kind."), Message("user", "What is it?"))
    ticket = await desk.client.open_ticket("tiny", PromptSpec(messages=talk, images=1))
    picture = {"img_prompt": True, "imgsz": 448, "num_img": 1, "img_token_num": 3}
    heard = await desk.runtime.call("POST", "/encode", {"text": ticket.line, **picture})
    text = b"[user]Be kind.\n\nWhat is it?[assistant]"
    assert heard.content["token_ids"] == [1, 2, 2, 2, *text]


async def test_a_picture_for_a_hung_script_still_gets_ids_in_time(scripted: Scripted) -> None:
    desk = await scripted("--sees")
    await desk.client.start("tiny")
    ticket = await desk.client.open_ticket("tiny", user("What is it?", images=1))
    desk.breaks("hangs")
    picture = {"text": ticket.line, "img_prompt": True, "imgsz": 448, "num_img": 1, "img_token_num": 3}
    async with asyncio.timeout(0.9):
        heard = await desk.runtime.call("POST", "/encode", picture)
    assert bytes(heard.content["token_ids"]) == b"[user]What is it?[assistant]"


async def test_what_a_script_cannot_do_is_refused(scripted: Scripted) -> None:
    desk = await scripted()
    await desk.client.start("tiny")
    with pytest.raises(RequestError, match="its own chat template"):
        await desk.client.open_ticket("tiny", user("Hi", template="{{ 1 }}"))


async def test_a_hung_script_is_answered_for_within_the_runtimes_second(scripted: Scripted) -> None:
    desk = await scripted()
    await desk.client.start("tiny")
    ticket = await desk.client.open_ticket("tiny", user("Hi"))
    desk.breaks("hangs")
    started = time.monotonic()
    assert await desk.runtime.encode(ticket.line) == list(b"[user]Hi[assistant]")
    assert unframed(await desk.runtime.decode(list(b"abc"))) == [None, None, None]
    assert time.monotonic() - started < 0.9
    desk.mends()
    async with asyncio.timeout(10):
        record = await desk.client.close_ticket(ticket.line, printed=3)
    assert (record.tokens, record.undecoded) == (3, True)


async def test_text_for_a_hung_script_still_gives_ids(scripted: Scripted) -> None:
    desk = await scripted()
    await desk.client.start("tiny")
    desk.breaks("hangs")
    started = time.monotonic()
    assert await desk.runtime.encode("typed by hand") == [0]  # its end-of-answer id
    assert time.monotonic() - started < 0.9
    assert (await desk.runtime.call("GET", "/eos_id")).content == {"eos_id": 0}


async def test_a_script_that_hangs_for_good_is_started_again(scripted: Scripted) -> None:
    desk = await scripted()
    await desk.client.start("tiny")
    ticket = await desk.client.open_ticket("tiny", user("Hi"))
    await desk.runtime.encode(ticket.line)
    desk.breaks("hangs")
    for _ in range(3):
        assert None in unframed(await desk.runtime.decode(list(b"abc")))
    desk.mends()
    async with asyncio.timeout(20):
        found = await desk.until("ready", transitions=5)
    assert [move["to"] for move in found["transitions"]] == [
        "starting",
        "ready",
        "failed",
        "starting",
        "ready",
    ]
    assert "stopped answering" in found["transitions"][2]["reason"]
    assert unframed(await desk.runtime.decode(list(b"def"))) == ["d", "e", "f"]


async def test_a_script_that_dies_is_started_again_and_its_tickets_live_on(scripted: Scripted) -> None:
    desk = await scripted()
    await desk.client.start("tiny")
    ticket = await desk.client.open_ticket("tiny", user("Hi"))
    desk.breaks("dies")
    started = time.monotonic()
    assert await desk.runtime.encode(ticket.line) == list(b"[user]Hi[assistant]")
    assert unframed(await desk.runtime.decode(list(b"abc"))) == [None, None, None]
    assert time.monotonic() - started < 0.9
    async with asyncio.timeout(20):
        found = await desk.until("ready", transitions=5)
    assert found["transitions"][2]["reason"].endswith("died with 3")
    assert unframed(await desk.runtime.decode(list("dé".encode()))) == ["d", "", "é"]


async def test_a_script_that_talks_nonsense_is_answered_for(scripted: Scripted) -> None:
    desk = await scripted()
    await desk.client.start("tiny")
    ticket = await desk.client.open_ticket("tiny", user("Hi"))
    await desk.runtime.encode(ticket.line)
    desk.breaks("talks nonsense")
    assert unframed(await desk.runtime.decode(list(b"abc"))) == [None, None, None]
    with pytest.raises(TokenizerError, match="JSON"):
        await desk.client.open_ticket("tiny", user("Hi"))
    desk.mends()
    assert unframed(await desk.runtime.decode(list(b"abc"))) == ["a", "b", "c"]


async def test_a_script_that_does_not_come_up_is_reported_with_its_last_lines(scripted: Scripted) -> None:
    desk = await scripted("--fails")
    with pytest.raises(TokenizerError, match="exited with 1") as caught:
        await desk.client.start("tiny")
    assert caught.value.log_tail[-1] == "OSError: tokenizer files are not here"
    found = await desk.status()
    assert found["status"] == "failed"
    assert found["failure"]["log"] == list(caught.value.log_tail)


async def test_a_script_that_is_not_there_is_named(scripted: Scripted) -> None:
    desk = await scripted()
    (desk.folder / "tokenizer.py").unlink()
    with pytest.raises(TokenizerError, match=r"tokenizer\.py"):
        await desk.client.start("tiny")


async def test_a_stopped_service_leaves_no_script_behind(scripted: Scripted) -> None:
    desk = await scripted()
    await desk.client.start("tiny")
    assert working_in(desk.folder)
    async with httpx.AsyncClient(trust_env=False) as http:
        headers = {"X-Axm1-Token": "a-token-of-the-tests"}
        stopped = await http.post(f"{desk.url}/api/stop/tiny", headers=headers, timeout=10)
    assert stopped.json()["status"] == "idle"
    async with asyncio.timeout(2):
        await until_nobody_works_in(desk.folder)


async def test_stopping_while_it_starts_and_starting_while_it_stops_come_to_an_end(
    scripted: Scripted,
) -> None:
    desk = await scripted()
    headers = {"X-Axm1-Token": "a-token-of-the-tests"}
    async with asyncio.timeout(20), httpx.AsyncClient(trust_env=False) as http:
        starting = asyncio.create_task(desk.client.start("tiny"))
        await until_working_in(desk.folder)
        stopping = asyncio.create_task(http.post(f"{desk.url}/api/stop/tiny", headers=headers, timeout=10))
        await asyncio.wait((starting, stopping))
        starting.exception()  # it was stopped: whether that was before or after it answered is chance
        await desk.client.start("tiny")
    assert (await desk.status())["status"] == "ready"
