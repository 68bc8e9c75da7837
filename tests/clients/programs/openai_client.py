# mypy: ignore-errors
# Its client is installed in an environment of its own, which mypy does not see.
"""The Python client of OpenAI, as its own README uses it, pointed at the service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import openai
from pydantic import BaseModel
from scenarios import (
    ECHO,
    FACTS,
    REAL,
    SLOW,
    THINKER,
    TOOLS,
    URL,
    WEATHER,
    Scenarios,
    refusal,
    seconds_until,
)

scenario = Scenarios()
client = openai.OpenAI(base_url=f"{URL}/v1", api_key="any", max_retries=0, timeout=30)
TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "description": "Weather", "parameters": WEATHER},
}
FLAT_TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "Weather",
    "parameters": WEATHER,
    "strict": False,
}
FORM = {"type": "json_schema", "json_schema": {"name": "facts", "schema": FACTS, "strict": True}}


class Facts(BaseModel):
    city: str
    degrees: int


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def chat(model: str, text: str, **more: object) -> Any:
    return client.chat.completions.create(model=model, messages=said(text), **more)


def error_of(call: Callable[[], Any], kind: type[Exception]) -> dict[str, Any]:
    told = refusal(call, kind)
    try:
        call()
    except openai.APIStatusError as error:
        return {**told, "body": error.body, "type": error.type, "code": error.code}


@scenario
def models() -> object:
    listed = client.models.list().data
    one = client.models.retrieve(REAL)
    return {
        "listed": [model.id for model in listed],
        "kinds": sorted({model.object for model in listed}),
        "one": one.model_dump(),
        "unknown": error_of(lambda: client.models.retrieve("nope"), openai.NotFoundError),
    }


@scenario
def real_chat() -> object:
    answer = chat(REAL, "What is the capital of France?", max_tokens=40)
    return {
        "text": answer.choices[0].message.content,
        "role": answer.choices[0].message.role,
        "reason": answer.choices[0].finish_reason,
        "usage": answer.usage.model_dump(),
        "object": answer.object,
    }


@scenario
def real_chat_streams() -> object:
    chunks = list(
        chat(REAL, "What is the capital of France?", stream=True, stream_options={"include_usage": True})
    )
    return {
        "text": "".join(c.choices[0].delta.content or "" for c in chunks if c.choices),
        "first": chunks[0].choices[0].delta.role,
        "reasons": [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason],
        "usage": chunks[-1].usage.model_dump(),
        "last": len(chunks[-1].choices),
        "one id": len({c.id for c in chunks}) == 1,
        "chunks": len(chunks),
    }


@scenario
def parts() -> object:
    pieces = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]
    answer = client.chat.completions.create(model=ECHO, messages=[{"role": "user", "content": pieces}])
    return answer.choices[0].message.content


@scenario
def limits() -> object:
    cut = chat(ECHO, "a long text", max_completion_tokens=4, temperature=0, seed=1, n=1, user="u")
    stopped = chat(ECHO, "left|right", stop="|")
    return {
        "cut": [cut.choices[0].message.content, cut.choices[0].finish_reason],
        "stopped": [stopped.choices[0].message.content, stopped.choices[0].finish_reason],
    }


@scenario
def tools_round_trip() -> object:
    turns = said("What is the weather in Paris?")
    first = client.chat.completions.create(model=TOOLS, messages=turns, tools=[TOOL], tool_choice="auto")
    message = first.choices[0].message
    turns.append(message)
    (call,) = message.tool_calls
    turns.append({"role": "tool", "tool_call_id": call.id, "content": "18 degrees"})
    second = client.chat.completions.create(model=TOOLS, messages=turns, tools=[TOOL])
    return {
        "reason": first.choices[0].finish_reason,
        "call": [call.type, call.function.name, json.loads(call.function.arguments)],
        "id": call.id,
        "answer": second.choices[0].message.content,
        "end": second.choices[0].finish_reason,
    }


@scenario
def tools_stream() -> object:
    stream = client.chat.completions.stream(
        model=TOOLS, messages=said("What is the weather in Paris and in Rome?"), tools=[TOOL]
    )
    with stream as events:
        kinds = [event.type for event in events]
        final = events.get_final_completion().choices[0]
    calls = [
        (call.id, call.function.name, json.loads(call.function.arguments))
        for call in final.message.tool_calls
    ]
    return {"kinds": kinds, "text": final.message.content, "calls": calls, "reason": final.finish_reason}


@scenario
def structured() -> object:
    parsed = client.chat.completions.parse(
        model=TOOLS, messages=said("How warm is Paris?"), response_format=Facts
    )
    plain = chat(TOOLS, "How warm is Paris?", response_format=FORM)
    return {
        "parsed": parsed.choices[0].message.parsed.model_dump(),
        "plain": plain.choices[0].message.content,
    }


@scenario
def any_json() -> object:
    return chat(TOOLS, "Any JSON, please", response_format={"type": "json_object"}).choices[0].message.content


@scenario
def reasoning() -> object:
    answer = chat(THINKER, "What is 2 + 2?", reasoning_effort="high").choices[0].message
    chunks = chat(THINKER, "What is 2 + 2?", reasoning_effort="high", stream=True)
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    quiet = chat(THINKER, "What is 2 + 2?", reasoning_effort="none").choices[0].message
    return {
        "text": answer.content, "reasoning": getattr(answer, "reasoning", None),
        "streamed": "".join(getattr(delta, "reasoning", None) or "" for delta in deltas),
        "quiet": [quiet.content, getattr(quiet, "reasoning", None)],
    }  # fmt: skip


@scenario
def completions() -> object:
    answer = client.completions.create(model=ECHO, prompt="say this", max_tokens=3)
    chunks = list(client.completions.create(model=ECHO, prompt="abc", stream=True))
    return {
        "text": answer.choices[0].text,
        "reason": answer.choices[0].finish_reason,
        "object": answer.object,
        "streamed": "".join(chunk.choices[0].text for chunk in chunks if chunk.choices),
    }


@scenario
def embeddings_refused() -> object:
    return error_of(lambda: client.embeddings.create(model=ECHO, input="x"), openai.BadRequestError)


@scenario
def unknown_model() -> object:
    return {
        "chat": error_of(lambda: chat("nope", "x"), openai.NotFoundError),
        "stream": error_of(lambda: chat("nope", "x", stream=True), openai.NotFoundError),
        "completions": error_of(
            lambda: client.completions.create(model="nope", prompt="x"), openai.NotFoundError
        ),
        "responses": error_of(lambda: client.responses.create(model="nope", input="x"), openai.NotFoundError),
    }


@scenario
def tools_refused() -> object:
    return error_of(lambda: chat(ECHO, "x", tools=[TOOL]), openai.BadRequestError)


@scenario
def responses() -> object:
    short = client.responses.create(model=ECHO, input="hello there")
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "again"}]
    turned = client.responses.create(model=ECHO, input=turns, instructions="Be kind.")
    cut = client.responses.create(model=ECHO, input="hello there", max_output_tokens=5)
    return {
        "text": short.output_text, "status": short.status, "usage": short.usage.model_dump(),
        "turned": turned.output_text, "cut": [cut.output_text, cut.status, cut.incomplete_details.reason],
    }  # fmt: skip


@scenario
def responses_stream() -> object:
    events = list(client.responses.create(model=ECHO, input="abc", stream=True))
    numbers = [event.sequence_number for event in events]
    return {
        "kinds": [event.type for event in events],
        "text": "".join(event.delta for event in events if event.type == "response.output_text.delta"),
        "whole": events[-1].response.output_text,
        "in order": numbers == sorted(numbers),
    }


@scenario
def responses_tools() -> object:
    turns = said("What is the weather in Paris?")
    first = client.responses.create(model=TOOLS, input=turns, tools=[FLAT_TOOL])
    (call,) = [item for item in first.output if item.type == "function_call"]
    turns += first.output
    turns.append({"type": "function_call_output", "call_id": call.call_id, "output": "18 degrees"})
    second = client.responses.create(model=TOOLS, input=turns, tools=[FLAT_TOOL])
    with client.responses.stream(
        model=TOOLS, input=said("What is the weather in Paris?"), tools=[FLAT_TOOL]
    ) as events:
        kinds = [event.type for event in events]
        final = events.get_final_response()
    streamed = [item.name for item in final.output if item.type == "function_call"]
    return {
        "call": [call.name, json.loads(call.arguments)], "answer": second.output_text,
        "kinds": kinds, "streamed": streamed,
    }  # fmt: skip


@scenario
def responses_structured() -> object:
    parsed = client.responses.parse(model=TOOLS, input="How warm is Paris?", text_format=Facts)
    return parsed.output_parsed.model_dump()


@scenario
async def async_variants() -> object:
    other = openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key="any", max_retries=0, timeout=30)
    asked = [
        other.chat.completions.create(model=ECHO, messages=said(f"number {number}")) for number in range(4)
    ]
    answers = [answer.choices[0].message.content for answer in await asyncio.gather(*asked)]
    stream = await other.chat.completions.create(model=ECHO, messages=said("one two"), stream=True)
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
    return {"answers": answers, "text": text, "models": len([model async for model in other.models.list()])}


@scenario
def cancel() -> object:
    stream = chat(SLOW, "word " * 200, stream=True)
    for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            break
    stream.close()
    return {"seconds": seconds_until(SLOW, "ready")}


scenario.run()
