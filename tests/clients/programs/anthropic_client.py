# mypy: ignore-errors
# Its client is installed in an environment of its own, which mypy does not see.
"""The Python client of Anthropic, as its own README uses it, pointed at the service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anthropic
from scenarios import ECHO, REAL, SLOW, THINKER, TOOLS, URL, WEATHER, Scenarios, refusal, seconds_until

scenario = Scenarios()
client = anthropic.Anthropic(base_url=URL, api_key="any", max_retries=0, timeout=30)
TOOL = {"name": "get_weather", "description": "Weather", "input_schema": WEATHER}


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def ask(model: str, text: str, **more: object) -> Any:
    return client.messages.create(**{"model": model, "messages": said(text), "max_tokens": 200, **more})


def error_of(call: Callable[[], Any], kind: type[Exception]) -> dict[str, Any]:
    told = refusal(call, kind)
    try:
        call()
    except anthropic.APIStatusError as error:
        return {**told, "body": error.body}


@scenario
def real_message() -> object:
    answer = ask(REAL, "What is the capital of France?", system="You are a helpful assistant.")
    return {
        "text": answer.content[0].text, "role": answer.role, "reason": answer.stop_reason,
        "usage": answer.usage.model_dump(), "type": answer.type,
    }  # fmt: skip


@scenario
def real_message_streams() -> object:
    with client.messages.stream(
        model=REAL, messages=said("What is the capital of France?"), max_tokens=40
    ) as events:
        kinds = [event.type for event in events]
        final = events.get_final_message()
    return {
        "kinds": kinds, "text": final.content[0].text, "reason": final.stop_reason,
        "usage": final.usage.model_dump(),
    }  # fmt: skip


@scenario
def limits() -> object:
    cut = ask(ECHO, "a long text", max_tokens=4)
    stopped = ask(ECHO, "left|right", stop_sequences=["|"])
    blocks = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    blocked = ask(ECHO, "", messages=[{"role": "user", "content": blocks}], system=system)
    return {
        "cut": [cut.content[0].text, cut.stop_reason],
        "stopped": [stopped.content[0].text, stopped.stop_reason, stopped.stop_sequence],
        "blocks": blocked.content[0].text,
    }


@scenario
def tools_round_trip() -> object:
    turns = said("What is the weather in Paris?")
    first = client.messages.create(model=TOOLS, messages=turns, tools=[TOOL], max_tokens=200)
    (call,) = [block for block in first.content if block.type == "tool_use"]
    turns.append({"role": "assistant", "content": first.content})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "18 degrees"}
    turns.append({"role": "user", "content": [result]})
    second = client.messages.create(model=TOOLS, messages=turns, tools=[TOOL], max_tokens=200)
    return {
        "reason": first.stop_reason,
        "kinds": [block.type for block in first.content],
        "call": [call.name, call.input],
        "answer": second.content[0].text,
        "end": second.stop_reason,
    }


@scenario
def tools_stream() -> object:
    asked = said("What is the weather in Paris and in Rome?")
    with client.messages.stream(model=TOOLS, messages=asked, tools=[TOOL], max_tokens=300) as events:
        kinds = {event.type for event in events}
        final = events.get_final_message()
    calls = [[block.name, block.input] for block in final.content if block.type == "tool_use"]
    return {"kinds": sorted(kinds), "calls": calls, "reason": final.stop_reason}


@scenario
def thinking() -> object:
    wanted = {"type": "enabled", "budget_tokens": 1024}
    answer = ask(THINKER, "What is 2 + 2?", thinking=wanted, max_tokens=2048)
    return [
        {"type": block.type, "text": getattr(block, "thinking", None) or getattr(block, "text", None)}
        for block in answer.content
    ]


@scenario
def counting() -> object:
    short = client.messages.count_tokens(model=REAL, messages=said("Hi")).input_tokens
    long = client.messages.count_tokens(
        model=REAL, messages=said("Hi " * 100), system="Be brief."
    ).input_tokens
    counted = ask(REAL, "Hi", max_tokens=1).usage.input_tokens
    return {"short": short, "long": long, "counted": counted}


@scenario
def unknown_model() -> object:
    return {
        "create": error_of(lambda: ask("nope", "x"), anthropic.NotFoundError),
        "count": error_of(
            lambda: client.messages.count_tokens(model="nope", messages=said("x")), anthropic.NotFoundError
        ),
    }


@scenario
def refused() -> object:
    return {
        "empty": error_of(lambda: ask(ECHO, "", messages=[]), anthropic.BadRequestError),
        "tools": error_of(lambda: ask(ECHO, "x", tools=[TOOL]), anthropic.BadRequestError),
    }


@scenario
async def async_variants() -> object:
    other = anthropic.AsyncAnthropic(base_url=URL, api_key="any", max_retries=0, timeout=30)
    asked = [
        other.messages.create(model=ECHO, messages=said(f"number {number}"), max_tokens=50)
        for number in range(4)
    ]
    answers = [answer.content[0].text for answer in await asyncio.gather(*asked)]
    async with other.messages.stream(model=ECHO, messages=said("one two"), max_tokens=50) as stream:
        text = "".join([part async for part in stream.text_stream])
    return {"answers": answers, "text": text}


@scenario
def cancel() -> object:
    with client.messages.stream(model=SLOW, messages=said("word " * 200), max_tokens=2000) as stream:
        begin = next(iter(stream.text_stream))
    return {"begin": begin, "seconds": seconds_until(SLOW, "ready")}


scenario.run()
