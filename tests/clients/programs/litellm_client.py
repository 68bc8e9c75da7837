# mypy: ignore-errors
# Its client is installed in an environment of its own, which mypy does not see.
"""LiteLLM with both its providers for Ollama, and with the one for OpenAI."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # otherwise it asks for a list of prices on the internet

import litellm
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
litellm.suppress_debug_info = True
PROVIDERS = ("ollama", "ollama_chat")
TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "description": "Weather", "parameters": WEATHER},
}
FORM = {"type": "json_schema", "json_schema": {"name": "facts", "schema": FACTS}}


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def ask(provider: str, model: str, text: str, **more: object) -> Any:
    base = f"{URL}/v1" if provider == "openai" else URL
    fields = {"messages": said(text), "api_base": base, "api_key": "any", "num_retries": 0, "timeout": 30}
    return litellm.completion(model=f"{provider}/{model}", **{**fields, **more})


def text_of(answer: Any) -> str:
    return answer.choices[0].message.content


@scenario
def real() -> object:
    answers = {
        p: ask(p, REAL, "What is the capital of France?", max_tokens=40) for p in (*PROVIDERS, "openai")
    }
    return {p: {"text": text_of(a), "tokens": a.usage.completion_tokens} for p, a in answers.items()}


@scenario
def streams() -> object:
    told = {}
    for provider in (*PROVIDERS, "openai"):
        chunks = list(ask(provider, ECHO, "one two", stream=True))
        told[provider] = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    return told


@scenario
def aider_like() -> object:
    # What aider sends with every request: more context than the model has.
    answer = ask("ollama_chat", ECHO, "hello", num_ctx=12345, temperature=0)
    return text_of(answer)


@scenario
def tools() -> object:
    turns = said("What is the weather in Paris?")
    first = ask("ollama_chat", TOOLS, "", messages=turns, tools=[TOOL]).choices[0].message
    (call,) = first.tool_calls
    turns += [
        first.model_dump(),
        {"role": "tool", "tool_call_id": call.id, "name": "get_weather", "content": "18 degrees"},
    ]
    second = ask("ollama_chat", TOOLS, "", messages=turns, tools=[TOOL])
    return {"call": [call.function.name, json.loads(call.function.arguments)], "answer": text_of(second)}


@scenario
def structured() -> object:
    return {
        p: json.loads(text_of(ask(p, TOOLS, "How warm is Paris?", response_format=FORM))) for p in PROVIDERS
    }


@scenario
def thinking() -> object:
    answers = {p: ask(p, THINKER, "What is 2 + 2?", reasoning_effort="high") for p in PROVIDERS}
    return {
        p: [text_of(a), getattr(a.choices[0].message, "reasoning_content", None)] for p, a in answers.items()
    }


@scenario
def model_info() -> object:
    os.environ["OLLAMA_API_BASE"] = URL
    return {
        name: {
            "tools": info["supports_function_calling"],
            "context": info["max_tokens"],
        }
        for name in (REAL, TOOLS)
        if (info := litellm.get_model_info(f"ollama/{name}"))
    }


@scenario
def refusals() -> object:
    return {
        "ollama": refusal(lambda: ask("ollama", "nope", "x"), Exception),
        "ollama_chat": refusal(lambda: ask("ollama_chat", "nope", "x"), Exception),
        "embeddings": refusal(
            lambda: litellm.embedding(model=f"ollama/{ECHO}", input=["x"], api_base=URL), Exception
        ),
    }


@scenario
async def async_variants() -> object:
    told = {}
    for provider in PROVIDERS:
        fields = {"model": f"{provider}/{ECHO}", "api_base": URL}
        asked = [litellm.acompletion(messages=said(f"number {number}"), **fields) for number in range(3)]
        answers = [text_of(answer) for answer in await asyncio.gather(*asked)]
        stream = await litellm.acompletion(messages=said("one two"), stream=True, **fields)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        told[provider] = {"answers": answers, "text": text}
    return told


@scenario
async def cancel() -> object:
    async def read() -> None:
        stream = await litellm.acompletion(
            model=f"ollama_chat/{SLOW}", messages=said("word " * 200), stream=True, api_base=URL
        )
        async for _ in stream:
            begun.set()

    begun = asyncio.Event()
    reading = asyncio.create_task(read())
    await asyncio.wait_for(begun.wait(), 10)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    return {"seconds": await asyncio.to_thread(seconds_until, SLOW, "ready")}


scenario.run()
