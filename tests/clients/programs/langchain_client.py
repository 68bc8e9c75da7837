# mypy: ignore-errors
# Its client is installed in an environment of its own, which mypy does not see.
"""LangChain's chat models and embeddings for Ollama and OpenAI."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_ollama import ChatOllama, OllamaEmbeddings, OllamaLLM
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from ollama import ResponseError
from pydantic import BaseModel, Field
from scenarios import ECHO, REAL, SLOW, THINKER, TOOLS, URL, Scenarios, refusal, seconds_until

scenario = Scenarios()
ASKED = "What is the weather in Paris?"


class Facts(BaseModel):
    """What is known of a city."""

    city: str = Field(description="Its name")
    degrees: int


@tool
def get_weather(city: str) -> str:
    """Tell how warm it is."""
    return f"18 degrees in {city}"


def ollama(model: str, **more: object) -> ChatOllama:
    return ChatOllama(
        model=model, base_url=URL, validate_model_on_init=True, client_kwargs={"timeout": 30}, **more
    )


def open_ai(model: str, **more: object) -> ChatOpenAI:
    return ChatOpenAI(model=model, base_url=f"{URL}/v1", api_key="any", max_retries=0, timeout=30, **more)


def told(message: AIMessage) -> dict[str, object]:
    return {
        "text": message.text,
        "usage": message.usage_metadata,
        "reason": message.response_metadata.get("done_reason")
        or message.response_metadata.get("finish_reason"),
        "model": message.response_metadata.get("model_name"),
    }


def used(model: Any) -> dict[str, object]:
    bound = model.bind_tools([get_weather])
    turns = [SystemMessage("Be brief."), HumanMessage(ASKED)]
    first = bound.invoke(turns)
    turns.append(first)
    turns += [
        ToolMessage(get_weather.invoke(call).content, tool_call_id=call["id"]) for call in first.tool_calls
    ]
    second = bound.invoke(turns)
    return {
        "calls": [[call["name"], call["args"]] for call in first.tool_calls],
        "answer": second.text,
        "invalid": first.invalid_tool_calls,
    }


def streamed(model: Any) -> dict[str, object]:
    chunks = list(model.stream("one two"))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    return {"text": whole.text, "usage": whole.usage_metadata, "chunks": len(chunks)}


@scenario
def ollama_real() -> object:
    return told(
        ollama(REAL, num_predict=40, num_ctx=4096, temperature=0).invoke("What is the capital of France?")
    )


@scenario
def ollama_stream() -> object:
    return streamed(ollama(ECHO))


@scenario
def ollama_loads_first() -> object:
    return {"load": ollama(ECHO, keep_alive="10m").invoke("hello").text, "completion": OllamaLLM(
        model=ECHO, base_url=URL, validate_model_on_init=True).invoke("hello")}  # fmt: skip


@scenario
def ollama_tools() -> object:
    return used(ollama(TOOLS))


@scenario
def ollama_structured() -> object:
    return ollama(TOOLS).with_structured_output(Facts).invoke("How warm is Paris?").model_dump()


@scenario
def ollama_thinking() -> object:
    message = ollama(THINKER, reasoning=True).invoke("What is 2 + 2?")
    return {"text": message.text, "thinking": message.additional_kwargs.get("reasoning_content")}


@scenario
async def ollama_async() -> object:
    model = ollama(ECHO)
    answers = await asyncio.gather(*(model.ainvoke(f"number {number}") for number in range(4)))
    text = "".join([chunk.text async for chunk in model.astream("one two")])
    return {"answers": [answer.text for answer in answers], "text": text}


@scenario
def ollama_refusals() -> object:
    embeddings = OllamaEmbeddings(model=ECHO, base_url=URL)
    return {
        "unknown": refusal(lambda: ollama("nope"), ValueError),
        "embeddings": refusal(lambda: embeddings.embed_query("x"), ResponseError),
        "tools": refusal(lambda: ollama(ECHO).bind_tools([get_weather]).invoke("x"), ResponseError),
    }


@scenario
def openai_real() -> object:
    return told(open_ai(REAL, max_tokens=40, temperature=0).invoke("What is the capital of France?"))


@scenario
def openai_stream() -> object:
    return streamed(open_ai(ECHO, stream_usage=True))


@scenario
def openai_tools() -> object:
    return used(open_ai(TOOLS))


@scenario
def openai_structured() -> object:
    return {
        method: open_ai(TOOLS)
        .with_structured_output(Facts, method=method)
        .invoke("How warm is Paris?")
        .model_dump()
        for method in ("json_schema", "json_mode")
    }


@scenario
def openai_responses() -> object:
    model = open_ai(TOOLS, use_responses_api=True)
    return {**used(model), "plain": open_ai(ECHO, use_responses_api=True).invoke("hello").text}


@scenario
async def openai_async() -> object:
    model = open_ai(ECHO)
    answers = await asyncio.gather(*(model.ainvoke(f"number {number}") for number in range(4)))
    text = "".join([chunk.text async for chunk in model.astream("one two")])
    return {"answers": [answer.text for answer in answers], "text": text}


@scenario
def openai_refusals() -> object:
    embeddings = OpenAIEmbeddings(
        model=ECHO, base_url=f"{URL}/v1", api_key="any", max_retries=0, check_embedding_ctx_length=False
    )
    return {
        "unknown": refusal(lambda: open_ai("nope").invoke("x"), openai.NotFoundError),
        "embeddings": refusal(lambda: embeddings.embed_query("x"), openai.BadRequestError),
    }


@scenario
async def cancel() -> object:
    async def read() -> None:
        async for _ in ollama(SLOW).astream("word " * 200):
            begun.set()

    begun = asyncio.Event()
    reading = asyncio.create_task(read())
    await asyncio.wait_for(begun.wait(), 10)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    return {"seconds": await asyncio.to_thread(seconds_until, SLOW, "ready")}


scenario.run()
