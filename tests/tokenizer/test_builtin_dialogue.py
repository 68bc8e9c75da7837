"""The whole way with the built-in tokenizer: service, client, gateway, a runtime of either generation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from axm1_llm.descriptors import ModelDescriptor
from axm1_llm.errors import RequestError
from axm1_llm.tokenizer.client import TokenizerClient
from axm1_llm.tokenizer.prompts import Message, PromptSpec
from tokenizer.runtime_calls import Runtime, call, parsed, send, unframed
from tokenizer.tiny import tiny_ids

TURN_OVER = "\x02\x10.\x03"
KEPT = "\x02\x10!\x03"  # says that the KV cache was not dropped


@dataclass(frozen=True, slots=True)
class Desk:
    """A started model: the client on the one side, its runtime on the other."""

    client: TokenizerClient
    runtime: Runtime
    folder: Path

    def ids(self, text: str) -> list[int]:
        return tiny_ids(self.folder, text)

    def prompt(self, *contents: str) -> list[int]:
        """The ids of a conversation in the tiny tokenizer's chat template."""
        roles = ("system", *("user", "assistant") * len(contents))
        talk = zip(roles, contents, strict=False)
        text = "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in talk)
        return self.ids(f"{text}<|im_start|>assistant\n")


def spec(*contents: str, **keys: Any) -> PromptSpec:
    roles = ("system", *("user", "assistant") * len(contents))
    return PromptSpec(
        messages=tuple(Message(role, content) for role, content in zip(roles, contents, strict=False)), **keys
    )


@pytest.fixture
async def desk(
    serve: Callable[..., Awaitable[Any]], describe: Callable[..., ModelDescriptor], tiny: Path
) -> Desk:
    descriptor = describe(tokenizer_path=tiny, model_path=tiny)
    running = await serve(descriptor)
    await running.client.start("tiny")
    assert descriptor.tokenizer_port is not None
    return Desk(running.client, Runtime(descriptor.tokenizer_port), tiny)


async def test_a_ticket_is_encoded_as_the_prompt_that_it_stands_for(desk: Desk) -> None:
    ticket = await desk.client.open_ticket("tiny", spec("Be kind.", "q\n\nreset\n>> 世界 👋"))
    ids = await desk.runtime.encode(ticket.line)
    assert ids == desk.prompt("Be kind.", "q\n\nreset\n>> 世界 👋")
    assert ticket.prompt_tokens == len(ids)
    assert not ticket.resets


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize(
    "text", ["a", "ab", "abc", "abcabc", "aaaa", "Hi 👋 世界\n\x02>> \x00hit eos\x10", ""]
)
async def test_an_answer_arrives_token_by_token_with_what_was_not_printed(
    desk: Desk, text: str, *, stopped: bool
) -> None:
    ticket = await desk.client.open_ticket("tiny", spec("", "Hi"))
    await desk.runtime.encode(ticket.line)
    ids = desk.ids(text)
    printed = await desk.runtime.answer(ids, stopped=stopped)
    frames = unframed(desk.runtime.printed)
    record = await desk.client.close_ticket(ticket.line, printed=printed)
    assert len(frames) == printed
    assert "".join(str(frame) for frame in frames) + "".join(record.tail) == text
    assert (record.tokens, len(record.tail)) == (len(ids), len(ids) - printed)
    assert (record.ended, record.undecoded) == (True, False)


async def test_without_live_print_the_one_call_holds_every_frame(desk: Desk) -> None:
    ticket = await desk.client.open_ticket("tiny", spec("", "Hi"))
    await desk.runtime.encode(ticket.line)
    ids = desk.ids("Hello 👋, world")
    printed = await desk.runtime.answer(ids, live_print=False)
    assert len(unframed(desk.runtime.printed)) == len(ids)
    assert "".join(str(frame) for frame in unframed(desk.runtime.printed)) == "Hello 👋, world"
    record = await desk.client.close_ticket(ticket.line, printed=printed)
    assert (record.tail, record.tokens) == ((), len(ids))


@pytest.mark.parametrize("text", ["ab", "abc", "", "abcd 👋"])
async def test_a_token_that_ends_the_turn_ends_the_answer_though_the_runtime_goes_on(
    desk: Desk, text: str
) -> None:
    ticket = await desk.client.open_ticket("tiny", spec("", "Hi"))
    await desk.runtime.encode(ticket.line)
    await desk.runtime.answer(desk.ids(f"{text}<|endoftext|>user: and then?"), stopped=True)
    answer, *after = desk.runtime.printed.split(TURN_OVER)
    assert "".join(map(str, unframed(answer))) == text
    assert after
    assert set(after) == {""}
    record = await desk.client.close_ticket(ticket.line, printed=len(unframed(answer)))
    assert record.tail == ()


async def test_what_follows_the_end_of_a_turn_in_the_last_group_is_no_part_of_the_answer(desk: Desk) -> None:
    ticket = await desk.client.open_ticket("tiny", spec("", "Hi"))
    await desk.runtime.encode(ticket.line)
    printed = await desk.runtime.answer(desk.ids("abcd<|endoftext|>"))
    record = await desk.client.close_ticket(ticket.line, printed=printed)
    shown = unframed(desk.runtime.printed.replace(TURN_OVER, ""))
    assert "".join(map(str, shown)) + "".join(record.tail) == "abcd"


async def test_an_end_of_answer_id_is_a_token_without_text(desk: Desk) -> None:
    ticket = await desk.client.open_ticket("tiny", spec("", "Hi"))
    await desk.runtime.encode(ticket.line)
    printed = await desk.runtime.answer(desk.ids("<|im_end|>"))
    assert unframed(desk.runtime.printed) == [""]
    assert (await desk.client.close_ticket(ticket.line, printed=printed)).tokens == 1


async def test_a_token_that_opens_thinking_is_text(desk: Desk) -> None:
    ticket = await desk.client.open_ticket("tiny", spec("", "Hi"))
    await desk.runtime.encode(ticket.line)
    await desk.runtime.answer(desk.ids("<think>hm</think>"))
    assert unframed(desk.runtime.printed) == ["<think>", "h", "m", "</think>"]


async def test_tokens_that_mark_calls_are_printed_only_for_a_prompt_that_offers_tools(desk: Desk) -> None:
    printed = []
    for tools in ((), ({"type": "function", "function": {"name": "f"}},)):
        ticket = await desk.client.open_ticket("tiny", spec("", "Hi", tools=tools))
        await desk.runtime.encode(ticket.line)
        printed.append(unframed(await desk.runtime.decode(desk.ids("<|python_tag|>f<|im_end|>"))))
        await desk.client.close_ticket(ticket.line, printed=3)
    assert printed == [["", "f", ""], ["<|python_tag|>", "f", ""]]


async def test_text_that_is_no_ticket_is_a_user_turn_and_its_answer_bare(desk: Desk) -> None:
    assert await desk.runtime.encode("Hi 👋") == desk.ids(
        "<|im_start|>user\nHi 👋<|im_end|>\n<|im_start|>assistant\n"
    )
    await desk.runtime.answer(desk.ids("Hello 👋!"))
    assert desk.runtime.printed == "Hello 👋!"


async def test_frames_end_with_the_ticket(desk: Desk) -> None:
    ticket = await desk.client.open_ticket("tiny", spec("", "Hi"))
    await desk.runtime.encode(ticket.line)
    assert await desk.runtime.decode(desk.ids("Hi")) == "\x02H\x03\x02i\x03"
    await desk.client.close_ticket(ticket.line, printed=2)
    assert await desk.runtime.decode(desk.ids("Hi")) == "Hi"


async def test_a_closed_ticket_is_only_a_text(desk: Desk) -> None:
    ticket = await desk.client.open_ticket("tiny", spec("", "Hi"))
    record = await desk.client.close_ticket(ticket.line, printed=0)
    assert (record.tail, record.tokens, record.ended) == ((), 0, False)
    ids = await desk.runtime.encode(ticket.line)
    assert ids == desk.ids(f"<|im_start|>user\n{ticket.line}<|im_end|>\n<|im_start|>assistant\n")


async def test_a_ticket_that_the_service_lost_gives_a_record_of_what_was_printed(desk: Desk) -> None:
    record = await desk.client.close_ticket("axm1-ticket-" + "0" * 32, printed=7)
    assert (record.tail, record.tokens, record.ended) == ((), 7, False)


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        ("/encode", {"txt": "hi"}, 400),
        ("/encode", {"text": 7}, 400),
        ("/encode", [], 400),
        ("/decode", {"token_ids": "abc"}, 400),
        ("/decode", {"token_ids": [1.5]}, 400),
        ("/decode", {"token_ids": [True]}, 400),
        ("/decode", {"token_ids": [-1]}, 400),
        ("/decode", {"token_ids": [2**40]}, 400),
        ("/decode", {}, 400),
        ("/nothing", {}, 404),
    ],
)
async def test_a_call_that_makes_no_sense_gets_an_error(
    desk: Desk, path: str, content: object, status: int
) -> None:
    heard = await asyncio.to_thread(call, desk.runtime.port, "POST", path, content)
    assert heard.status == status
    assert "error" in heard.content


async def test_ids_that_are_no_tokens_are_frames_without_text(desk: Desk) -> None:
    ticket = await desk.client.open_ticket("tiny", spec("", "Hi"))
    await desk.runtime.encode(ticket.line)
    assert unframed(await desk.runtime.decode([999_999, 2**32 - 1])) == ["", ""]


async def test_constants_are_told(desk: Desk) -> None:
    assert (await desk.runtime.call("GET", "/bos_id")).content == {"bos_id": -1}
    assert (await desk.runtime.call("GET", "/eos_id?uid=x")).content == {"eos_id": desk.ids("<|im_end|>")[0]}
    assert (await desk.runtime.call("GET", "/img_start_token")).status == 404
    assert (await desk.runtime.call("PUT", "/bos_id")).status == 405


async def test_a_picture_for_a_vocabulary_without_one_still_gives_ids(desk: Desk) -> None:
    # The runtime then counts no token of the picture, says so, and the prompt fails.
    heard = await desk.runtime.call("POST", "/encode", {"text": "Hi", "img_prompt": True, "imgsz": 448})
    assert heard.status == 200
    assert heard.content["token_ids"]
    with pytest.raises(RequestError, match="no token for a picture"):
        await desk.client.open_ticket("tiny", spec("", "Hi", images=1))


async def test_a_context_build_gets_only_what_its_cache_lacks(desk: Desk) -> None:
    runtime = desk.runtime
    await runtime.connect()
    first = await desk.client.open_ticket("tiny", spec("You are helpful.", "Hi"))
    assert not first.resets  # what every conversation with this system prompt starts with is held already
    diff = await runtime.encode(first.line)
    assert len(diff) < first.prompt_tokens
    assert runtime.held == desk.prompt("You are helpful.", "Hi")
    printed = await runtime.answer(desk.ids("Hello!"))
    await desk.client.close_ticket(first.line, printed=printed, held=len(runtime.held))
    second = await desk.client.open_ticket("tiny", spec("You are helpful.", "Hi", "Hello!", "Bye"))
    assert not second.resets
    assert len(await runtime.encode(second.line)) < 60
    assert runtime.held == desk.prompt("You are helpful.", "Hi", "Hello!", "Bye")


async def test_a_prompt_that_is_no_continuation_starts_from_a_reset(desk: Desk) -> None:
    runtime = desk.runtime
    await runtime.connect()
    first = await desk.client.open_ticket("tiny", spec("You are helpful.", "Hi"))
    await runtime.encode(first.line)
    printed = await runtime.answer(desk.ids("Hello!"))
    await desk.client.close_ticket(first.line, printed=printed, held=len(runtime.held))
    other = await desk.client.open_ticket("tiny", spec("You are a pirate.", "Ahoy"))
    assert other.resets
    await runtime.reset()
    assert len(runtime.held) == 1
    assert await runtime.encode(other.line) == desk.prompt("You are a pirate.", "Ahoy")[1:]
    assert runtime.held == desk.prompt("You are a pirate.", "Ahoy")


async def test_the_same_prompt_once_more_starts_from_a_reset(desk: Desk) -> None:
    runtime = desk.runtime
    await runtime.connect()
    resets = []
    for _ in range(2):
        ticket = await desk.client.open_ticket("tiny", spec("You are helpful.", "Hi"))
        resets.append(ticket.resets)
        if ticket.resets:
            await runtime.reset()
        await runtime.encode(ticket.line)
        assert runtime.held == desk.prompt("You are helpful.", "Hi")
        await desk.client.close_ticket(ticket.line, printed=0, held=len(runtime.held))
    assert resets == [False, True]


async def test_after_a_stop_without_a_number_the_cache_is_not_trusted(desk: Desk) -> None:
    runtime = desk.runtime
    await runtime.connect()
    first = await desk.client.open_ticket("tiny", spec("You are helpful.", "Hi"))
    await runtime.encode(first.line)
    printed = await runtime.answer(desk.ids("Hello"), stopped=True)
    await desk.client.close_ticket(first.line, printed=printed)
    second = await desk.client.open_ticket("tiny", spec("You are helpful.", "Hi", "Hello", "Bye"))
    assert second.resets


async def test_a_raw_prompt_of_one_token_leaves_that_token_for_the_runtime(desk: Desk) -> None:
    runtime = desk.runtime
    await runtime.connect()
    ticket = await desk.client.open_ticket("tiny", PromptSpec(text="x"))
    assert ticket.resets
    await runtime.reset()
    assert await runtime.encode(ticket.line) == desk.ids("x")


async def test_a_new_runtime_starts_a_new_conversation(desk: Desk) -> None:
    runtime = desk.runtime
    await runtime.connect()
    ticket = await desk.client.open_ticket("tiny", PromptSpec(text="abc"))
    assert ticket.resets
    again = Runtime(runtime.port)
    await again.connect()
    assert again.uid != runtime.uid
    fresh = await desk.client.open_ticket("tiny", spec("You are helpful.", "Hi"))
    assert not fresh.resets


async def test_answers_of_two_context_builds_do_not_mix(desk: Desk) -> None:
    one, other = desk.runtime, Runtime(desk.runtime.port)
    await one.connect()
    await other.connect()
    tickets = [await desk.client.open_ticket("tiny", spec("You are helpful.", text)) for text in ("a", "b")]
    await one.encode(tickets[0].line)
    await other.encode(tickets[1].line)
    first, second = desk.ids("世"), desk.ids("界")
    heard = [await one.decode(first[:2]), await other.decode(second[:2])]
    heard += [await one.decode(first[2:]), await other.decode(second[2:])]
    assert [unframed(text) for text in heard] == [["", ""], ["", ""], ["世"], ["界"]]


@pytest.mark.parametrize("body", [b"", b"{", b'{"text": "\xff\xfe"}', b"\x00" * 50])
async def test_a_body_that_is_no_json_gets_an_error(desk: Desk, body: bytes) -> None:
    head = b"POST /encode HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
    heard = parsed(await asyncio.to_thread(send, desk.runtime.port, head + body))
    assert heard.status == 400
    assert "JSON" in heard.content["error"]


async def test_a_context_build_may_name_itself_in_the_query(desk: Desk) -> None:
    runtime = desk.runtime
    await runtime.connect()
    ticket = await desk.client.open_ticket("tiny", spec("You are helpful.", "Hi"))
    await runtime.encode(ticket.line)
    heard = await asyncio.to_thread(
        call, runtime.port, "POST", f"/decode?uid={runtime.uid}", {"token_ids": desk.ids("Hi")}
    )
    assert heard.content == {"text": "\x02H\x03\x02i\x03"}


async def test_nothing_is_heard_of_an_answer_by_a_build_that_was_to_be_reset_and_was_not(desk: Desk) -> None:
    runtime = desk.runtime
    await runtime.connect()
    ticket = await desk.client.open_ticket("tiny", spec("You are a pirate.", "Ahoy"))
    assert ticket.resets
    assert await runtime.encode(ticket.line) == desk.prompt("You are a pirate.", "Ahoy")
    assert await runtime.decode(desk.ids("Arr")) == KEPT
    await desk.client.close_ticket(ticket.line, printed=0, held=len(runtime.held))
    more = await desk.client.open_ticket("tiny", spec("You are a pirate.", "Ahoy", "Arr", "More"))
    assert (more.resets, more.restarts) == (False, True)


async def test_a_build_that_takes_reset_for_a_prompt_is_started_anew_for_each_new_conversation(
    desk: Desk,
) -> None:
    runtime = desk.runtime
    await runtime.connect()
    ticket = await desk.client.open_ticket("tiny", spec("You are a pirate.", "Ahoy"))
    assert (ticket.resets, ticket.restarts) == (True, False)
    assert len(await runtime.encode("reset")) == 1  # the least that the card can work on
    assert await runtime.decode(desk.ids("Re!")) == KEPT
    await desk.client.close_ticket(ticket.line, printed=0)
    fresh = Runtime(runtime.port)
    await fresh.connect()  # with a system prompt of its own, which must not be in the way
    again = await desk.client.open_ticket("tiny", spec("You are a pirate.", "Ahoy"))
    assert (again.resets, again.restarts) == (False, False)
    await fresh.encode(again.line)
    assert fresh.held == desk.prompt("You are a pirate.", "Ahoy")
    await desk.client.close_ticket(again.line, printed=0, held=len(fresh.held))
    other = await desk.client.open_ticket("tiny", spec("You are a parrot.", "Hi"))
    assert (other.resets, other.restarts) == (False, True)


async def test_the_word_reset_is_a_prompt_like_any_other_when_nobody_waits_for_it(desk: Desk) -> None:
    runtime = desk.runtime
    await runtime.connect()
    assert len(await runtime.encode("reset")) > 1
    await runtime.answer(desk.ids("What?"))
    assert runtime.printed == "What?"


async def test_the_oldest_context_builds_start_and_are_reset_without_ids(desk: Desk) -> None:
    runtime = desk.runtime
    runtime.uid = (await runtime.call("GET", "/get_uid")).content["uid"]
    for text in ("one", "other"):
        ticket = await desk.client.open_ticket("tiny", spec("Be kind.", text))
        assert ticket.resets == (text == "other")
        if ticket.resets:
            assert (await runtime.call("GET", f"/reset?uid={runtime.uid}")).status == 200
            runtime.held = []
        await runtime.encode(ticket.line)
        assert runtime.held == desk.prompt("Be kind.", text)
        await desk.client.close_ticket(ticket.line, printed=0, held=len(runtime.held))


async def test_a_cache_that_has_no_room_for_the_rest_is_dropped(desk: Desk) -> None:
    runtime = desk.runtime
    await runtime.connect()
    resets = []
    for remaining in (200, 20):
        first = await desk.client.open_ticket("tiny", spec("You are helpful.", "Hi"))
        if first.resets:
            await runtime.reset()
        await runtime.encode(first.line)
        printed = await runtime.answer(desk.ids("Hello!"))
        await desk.client.close_ticket(
            first.line, printed=printed, held=len(runtime.held), remaining=remaining
        )
        second = await desk.client.open_ticket("tiny", spec("You are helpful.", "Hi", "Hello!", "Bye"))
        resets.append(second.resets)
        await desk.client.close_ticket(second.line, printed=0)
    assert resets == [False, True]


async def test_the_saving_is_told(desk: Desk) -> None:
    runtime = desk.runtime
    await runtime.connect()
    first = await desk.client.open_ticket("tiny", spec("You are helpful.", "Hi"))
    assert first.prompt_tokens - first.cached_tokens == len(await runtime.encode(first.line))
    printed = await runtime.answer(desk.ids("Hello!"))
    await desk.client.close_ticket(first.line, printed=printed, held=len(runtime.held))
    second = await desk.client.open_ticket("tiny", spec("You are helpful.", "Hi", "Hello!", "Bye"))
    assert second.cached_tokens == len(runtime.held)
    await desk.client.close_ticket(second.line, printed=0)
    other = await desk.client.open_ticket("tiny", spec("You are a pirate.", "Ahoy"))
    assert (other.cached_tokens, other.resets) == (0, True)


async def test_a_template_that_takes_no_system_prompt_still_gives_a_reset_ids(
    serve: Callable[..., Awaitable[Any]], describe: Callable[..., ModelDescriptor], tiny: Path
) -> None:
    refuses = "{{ raise_exception('not today') }}"
    descriptor = describe(tokenizer_path=tiny, chat_template=refuses)
    running = await serve(descriptor)
    await running.client.start("tiny")
    runtime = Runtime(descriptor.tokenizer_port or 0)
    await runtime.connect()
    assert runtime.held == tiny_ids(tiny, "<|im_end|>")


async def test_a_template_whose_prompts_are_all_the_same_gives_a_reset_ids(
    serve: Callable[..., Awaitable[Any]], describe: Callable[..., ModelDescriptor], tiny: Path
) -> None:
    descriptor = describe(tokenizer_path=tiny, chat_template="{{ 'Hi' }}")
    running = await serve(descriptor)
    await running.client.start("tiny")
    runtime = Runtime(descriptor.tokenizer_port or 0)
    await runtime.connect()
    assert runtime.held == tiny_ids(tiny, "Hi")
